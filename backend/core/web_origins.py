"""How the origins of web pages are written in the environment."""

import re

from backend.core.durations import comma_separated

ANY = "*"
# As browsers send them (RFC 6454): in lower case, nothing after the port.
_ORIGIN = re.compile(
    r"[a-z][a-z0-9+.-]*://(?:\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?"
)
_DEFAULT_PORTS = re.compile(r"(http://.*):80|(https://.*):443")


def web_origins(value: object) -> tuple[str, ...]:
    """Read a list of origins, or `*` alone.

    Raises:
        ValueError: If one is written as no browser sends it; says how to write it.
    """
    origins = tuple(dict.fromkeys(one.lower() for one in comma_separated(value)))
    if origins == (ANY,):
        return origins
    for origin in origins:
        _check(origin)
    return origins


def _check(origin: str) -> None:
    if origin == ANY:
        raise ValueError("* allows every origin: write it alone")
    if _ORIGIN.fullmatch(origin) is None:
        raise ValueError(
            f"{origin!r} is no origin: write scheme, host and, if it has one, the port,"
            " such as https://chat.example.com or http://localhost:3000"
        )
    if _DEFAULT_PORTS.fullmatch(origin):
        shorter = origin.rpartition(":")[0]
        raise ValueError(f"write {shorter}: browsers leave the usual port out")
