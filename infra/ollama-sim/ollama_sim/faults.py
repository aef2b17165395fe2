"""Faults on request: what goes wrong, for whom, and how often.

A fault comes from a model's tag (`tiny-chat:fault-hang`), from a request's options
(`{"sim_fault": "drop", "sim_after_tokens": 5}`) or at run time (`PUT /_sim/faults`).
"""

import random
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from ollama_sim.errors import BUSY, CRASHED, OUT_OF_MEMORY, ApiError


class Mode(StrEnum):
    """The ways in which a request can fail."""

    ERROR = "error"
    BUSY = "busy"
    OUT_OF_MEMORY = "out_of_memory"
    WEDGED_LOAD = "wedged_load"
    HANG = "hang"
    SLOW = "slow"
    DROP = "drop"
    CUT = "cut"
    MALFORMED = "malformed"
    MID_STREAM_ERROR = "mid_stream_error"
    CRASH = "crash"


# They happen instead of an answer, not in its middle.
INSTEAD = frozenset({Mode.ERROR, Mode.BUSY})
ON_LOAD = frozenset({Mode.OUT_OF_MEMORY, Mode.WEDGED_LOAD})
_STATUS = {Mode.BUSY: 503}
_TEXT = {
    Mode.ERROR: "simulated fault",
    Mode.BUSY: BUSY,
    Mode.OUT_OF_MEMORY: OUT_OF_MEMORY,
    Mode.MID_STREAM_ERROR: "simulated fault in mid-stream",
    Mode.CRASH: CRASHED,
}
# Where nothing is said: a hang keeps the head back, the others break a begun stream.
_AFTER_TOKENS = {Mode.HANG: 0}
_SLOW_SECONDS = 1.0


@dataclass(slots=True)
class Fault:
    """One fault.

    Attributes:
        model: Only for this model (its name without `:latest`, or in full).
        path: Only for this path.
        count: For so many requests; None is for ever.
        after_tokens: How many tokens are sent before it happens.
        seconds: How long a hang lasts (None: for ever), the extra time per token of
            `slow`.
        probability: For this part of the requests, drawn from `seed`.
        status: Of `error`.
        text: Of an error.
    """

    mode: Mode
    model: str | None = None
    path: str | None = None
    count: int | None = None
    after_tokens: int | None = None
    seconds: float | None = None
    probability: float = 1.0
    seed: int = 0
    status: int | None = None
    text: str | None = None
    _random: random.Random = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self.mode = Mode(self.mode)
        self._random = random.Random(self.seed)  # noqa: S311 # repeatable, no secret

    # Any: the fields of a fault in JSON.
    @classmethod
    def read(cls, value: Mapping[str, Any]) -> "Fault":
        """Read a fault from JSON."""
        try:
            return cls(**value)
        except (TypeError, ValueError) as error:
            raise ApiError(400, f"no such fault: {error}") from error

    @classmethod
    def named(cls, mode: str, **fields: Any) -> "Fault | None":
        """Return the fault of this name, None if there is none."""
        return cls(Mode(mode), **fields) if mode in set(Mode) else None

    @property
    def trigger(self) -> int:
        """After how many tokens it happens."""
        if self.after_tokens is not None:
            return self.after_tokens
        return _AFTER_TOKENS.get(self.mode, 3)

    @property
    def delay(self) -> float:
        """The extra seconds of each token of a slow answer."""
        seconds = _SLOW_SECONDS if self.seconds is None else self.seconds
        return seconds if self.mode is Mode.SLOW else 0.0

    @property
    def message(self) -> str:
        """The text of the error."""
        return self.text or _TEXT.get(self.mode, "simulated fault")

    def error(self) -> ApiError:
        """Return the error that the caller gets."""
        return ApiError(self.status or _STATUS.get(self.mode, 500), self.message)

    def matches(self, path: str, model: str | None) -> bool:
        """Tell whether the fault is meant for this request."""
        if self.path is not None and self.path != path:
            return False
        if self.model is None:
            return True
        return model is not None and self.model in (model, model.split(":latest")[0])

    def spend(self) -> bool:
        """Use the fault once, if chance and its count say so."""
        if self.count == 0 or self._random.random() >= self.probability:
            return False
        if self.count is not None:
            self.count -= 1
        return True

    def view(self) -> dict[str, Any]:
        """Show the fault as JSON."""
        shown = asdict(self)
        del shown["_random"]
        return {name: value for name, value in shown.items() if value is not None}


class Faults:
    """The faults set at run time."""

    def __init__(self) -> None:
        self.all: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Set a fault, in place of one of its mode for the same model and path."""
        key = (fault.mode, fault.model, fault.path)
        self.all = [f for f in self.all if (f.mode, f.model, f.path) != key]
        self.all.append(fault)

    def pick(
        self, path: str, model: str | None, modes: AbstractSet[Mode] = frozenset(Mode)
    ) -> Fault | None:
        """Return the fault of a request, and use it up by one.

        Args:
            path: The request's path.
            model: The full name of its model.
            modes: What can go wrong with such a request; other faults are left.
        """
        for fault in self.all:
            if fault.mode in modes and fault.matches(path, model) and fault.spend():
                return fault
        return None


def fault_in(options: Mapping[str, Any]) -> Fault | None:
    """Read the fault that a request's options ask for."""
    wanted = options.get("sim_fault")
    if wanted is None:
        return None
    names = ("after_tokens", "seconds", "status", "text")
    given = {name: options.get(f"sim_{name}") for name in names}
    return Fault.read({"mode": wanted, **given})
