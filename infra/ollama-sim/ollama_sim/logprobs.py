"""Made-up probabilities of tokens, the same for the same token."""

import zlib
from typing import Any

_OTHERS = (" the", " a", " is", " of", " and")


# Any: JSON.
def logprob(token: str, top: int) -> dict[str, Any]:
    """Describe a token and the likeliest in its place."""
    own = _entry(token, 0)
    if not top:
        return own
    others = [_entry(_OTHERS[rank % len(_OTHERS)], rank) for rank in range(1, top)]
    return {**own, "top_logprobs": [own, *others]}


def _entry(token: str, rank: int) -> dict[str, Any]:
    data = token.encode()
    value = -(zlib.crc32(data) % 1000 + 1) / 1000 - rank
    return {"token": token, "logprob": value, "bytes": list(data)}
