"""How keys and tokens are kept: as a hash, so that a stolen table opens nothing."""

import hashlib


def hashed(secret: str) -> str:
    """Hash a key or token; with 256 random bits a fast hash cannot be reversed.

    Secrets are looked up by this hash and never compared themselves. The time that an
    index or a dictionary takes may tell how many digits of a stored hash what was sent
    agrees with. Nobody can choose the digits but by trying, and all 64 of them lead to
    no secret, so that tells nothing of use.
    """
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
