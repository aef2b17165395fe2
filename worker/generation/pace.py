"""How long this node takes for an answer, for guesses of how long others must wait."""

import threading

# An answer's weight in the average: some twenty answers tell how it goes now.
_WEIGHT = 0.1


class Pace:
    """A moving average of the seconds per answer, by model; safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seconds: dict[str, float] = {}

    def took(self, model: str, seconds: float) -> None:
        """Take note of how long an answer took on its slot."""
        with self._lock:
            average = self._seconds.setdefault(model, seconds)
            self._seconds[model] = average + _WEIGHT * (seconds - average)

    def seconds(self, models: list[str]) -> dict[str, float]:
        """Give the averages of those of the models that have answered."""
        with self._lock:
            known = self._seconds
            return {name: round(known[name], 6) for name in models if name in known}
