"""Ids that sort by time, and secrets that do not repeat."""

import os
import threading
import time
import uuid

# The last byte of all ids that this process makes, at random. Processes that are forked
# after this line would share it, and hear more than they need.
_MARK = int.from_bytes(os.urandom(1), "big")
_lock = threading.Lock()
_newest = 0
_SECOND = 1_000 << 12


def uuid7() -> str:
    """Make a version 7 UUID: milliseconds, then their 4096ths, then random bits.

    New rows so land at the end of the primary key, ids order by age, and those of one
    process by the order in which they were made (RFC 9562, 6.2, method 3). Its last
    byte is the process's own: `family`.
    """
    global _newest  # noqa: PLW0603  # the order needs the last one
    with _lock:
        now = (time.time_ns() << 12) // 1_000_000
        # After a clock was set back order is not worth ids of the future.
        _newest = max(_newest + 1, now) if _newest - now < _SECOND else now
        stamp = _newest
    tail = 0x2 << 62 | int.from_bytes(os.urandom(7), "big") >> 2 << 8 | _MARK
    return (
        f"{stamp >> 28:08x}-{stamp >> 12 & 0xFFFF:04x}-7{stamp & 0xFFF:03x}"
        f"-{tail >> 48:04x}-{tail & 0xFFFF_FFFF_FFFF:012x}"
    )


def family(an_id: str) -> str:
    """Give what the ids that one process makes have in common.

    Others may have it too: it tells who need not listen, and nothing else.
    """
    return an_id[-2:]


def own_family() -> str:
    """Give the family of the ids that this process makes."""
    return f"{_MARK:02x}"


def oldest_uuid7(unix_seconds: float) -> str:
    """Give the smallest id that a job made at that time can have."""
    return str(uuid.UUID(int=int(unix_seconds * 1000) << 80))


def made_at_ms(an_id: str) -> int:
    """Tell when an id was made, in Unix milliseconds."""
    return uuid.UUID(an_id).int >> 80
