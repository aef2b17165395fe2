"""How keys and tokens are kept: as a hash, so that a stolen table opens nothing."""

import hashlib


def hashed(secret: str) -> str:
    """Hash a key or token; with 256 random bits a fast hash cannot be reversed."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
