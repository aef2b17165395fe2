"""How long an answer may take, and what it is called when it takes longer (JOBS.md 26).

The head of an answer comes only with its first token, so one deadline covers both. Only
whole objects count as a sign of life: a server that trickles bytes is silent.
"""

from dataclasses import dataclass

from worker.ollama.errors import (
    AttemptTimeoutError,
    FirstTokenTimeoutError,
    OllamaError,
    StalledError,
)


@dataclass(frozen=True, slots=True)
class Deadlines:
    """The time limits of one exchange.

    Args:
        first_token_seconds: From the start to the first object of the answer.
        silence_seconds: Between two objects; None for requests with tools, whose call
            comes in one late line.
        attempt_seconds: For everything.
    """

    first_token_seconds: float
    silence_seconds: float | None
    attempt_seconds: float

    def next_wait(
        self, *, since_start: float, since_object: float | None
    ) -> tuple[float, type[OllamaError]]:
        """Give how long to wait for the next bytes, and the error if none come.

        Args:
            since_start: Seconds since the exchange began.
            since_object: Seconds since the last object came; None before the first.

        Returns:
            Seconds (none are left if not positive), and the deadline that is nearest.
        """
        attempt = self.attempt_seconds - since_start
        if since_object is None:
            first = self.first_token_seconds - since_start
            if first < attempt:
                return first, FirstTokenTimeoutError
        elif self.silence_seconds is not None:
            silence = self.silence_seconds - since_object
            if silence < attempt:
                return silence, StalledError
        return attempt, AttemptTimeoutError
