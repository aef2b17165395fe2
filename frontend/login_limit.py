"""Bound how often one address may try a wrong key; pure but for its own memory."""

from collections import OrderedDict, deque

_WINDOW_SECONDS = 60.0
# Addresses remembered at once: a flood from many must not fill the memory.
_ADDRESSES = 4096


class LoginLimit:
    """Count the attempts of each address over the last minute.

    Behind a proxy many people have one address, so a right key is not counted.

    Args:
        attempts: How many attempts an address has in a minute.
    """

    def __init__(self, attempts: int) -> None:
        self._attempts = attempts
        self._seen: OrderedDict[str, deque[float]] = OrderedDict()

    def wait_seconds(self, address: str, now: float) -> float:
        """Count an attempt; give 0 if it is allowed, else how long to wait."""
        times = self._seen.setdefault(address, deque())
        self._seen.move_to_end(address)
        if len(self._seen) > _ADDRESSES:
            self._seen.popitem(last=False)
        while times and times[0] <= now - _WINDOW_SECONDS:
            times.popleft()
        if len(times) >= self._attempts:
            return times[0] + _WINDOW_SECONDS - now
        times.append(now)
        return 0.0

    def forgive(self, address: str) -> None:
        """Take the last attempt back: its key was right."""
        times = self._seen.get(address)
        if times:
            times.pop()
