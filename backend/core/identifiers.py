"""Ids that sort by time, and secrets that do not repeat."""

import os
import time
import uuid


def uuid7() -> str:
    """Make a version 7 UUID (RFC 9562, 5.7): milliseconds, then random bits.

    New rows so land at the end of the primary key, and ids order by age.
    """
    stamp = time.time_ns() // 1_000_000
    number = int.from_bytes(os.urandom(10), "big") | stamp << 80
    number = number & ~(0xF << 76) | 0x7 << 76
    return str(uuid.UUID(int=number & ~(0x3 << 62) | 0x2 << 62))


def oldest_uuid7(unix_seconds: float) -> str:
    """Give the smallest id that a job made at that time can have."""
    return str(uuid.UUID(int=int(unix_seconds * 1000) << 80))
