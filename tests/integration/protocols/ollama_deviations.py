"""In what Corral's `/api` differs from the recorded Ollama, and why.

Each deviation begins a row of the table in docs/ollama.md by its words.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from tests.contract.likeness import differences
from tests.contract.ollama_transcripts import Recorded, Reply


@dataclass(frozen=True)
class Deviation:
    """A difference that is meant.

    Attributes:
        told: The words of docs/ollama.md.
        exchanges: In which it is; none: in any.
        pattern: What the differences look like that it explains.
        status: Where the whole answer is another: its status. It explains all.
    """

    told: str
    exchanges: tuple[str, ...] = ()
    pattern: str | None = None
    status: int | None = None

    def covers(self, exchange: Recorded) -> bool:
        """Tell whether it may be in an exchange."""
        return not self.exchanges or exchange.name in self.exchanges

    def explains(self, difference: str, actual: Reply) -> bool:
        """Tell whether a difference is this one."""
        if self.status is not None:
            return actual.status == self.status
        return re.search(self.pattern or "", difference) is not None


DEVIATIONS = (
    Deviation("several tokens in a line", pattern=r"^\d+ lines, not \d+$"),
    Deviation(
        "several tokens in a line",
        # Cut after so many lines when they were recorded; these ended before.
        ("chat num_predict 0", "caller leaves after 5 lines", "negative num_predict"),
        pattern="^kinds of lines",
    ),
    Deviation(
        "`Allow` has `OPTIONS`, too",
        ("wrong method", "wrong method on tags"),
        pattern="^header allow: .*OPTIONS",
    ),
    Deviation(
        "`/api/tags` has `capabilities`",
        ("tags", "tags again"),
        pattern=r"models\[\d\]: keys \[.*'capabilities'\], not",
    ),
    Deviation(
        "`/api/show` has no `tensors`",
        ("show", "show by name"),
        pattern="keys .* 'tensors'",
    ),
    Deviation(
        "no `context` in `/api/generate`",
        ("generate stream",),
        pattern=r"^kinds of lines(?!.*context.* not ).*'context'",
    ),
    Deviation(
        "no `context` in `/api/generate`",
        ("generate no stream",),
        pattern="keys .* 'context'",
    ),
    Deviation("unknown roles are refused", ("chat unknown role",), status=400),
    Deviation(
        "images for a model without vision are refused",
        ("chat image on a text model",),
        status=400,
    ),
    Deviation(
        "a prompt is never cut",
        ("chat prompt longer than the context",),
        status=400,
    ),
    Deviation(
        "what is wrong with a body is told in other words",
        (
            "chat broken json",
            "chat wrong type messages",
            "chat wrong type content",
            "chat image not base64",
            "tools arguments as a string",
            "pull no model",
            "bare json array",
        ),
        pattern=r"^\.error: ",
    ),
    Deviation(
        "your own mistakes are a 400, never a 500",
        ("chat wrong type option", "chat format bad"),
        status=400,
    ),
    Deviation(
        "models are not created or pushed here",
        ("create from", "create missing from", "blob missing"),
        status=501,
    ),
    Deviation(
        "models are not created or pushed here",
        # What would have been created is not there.
        ("show derived", "delete derived"),
        status=404,
    ),
    Deviation(
        "a pull that fails before its first byte has a status",
        ("pull without a network", "pull without a network, no stream"),
        status=503,
    ),
)


def unexplained(exchange: Recorded, actual: Reply) -> list[str]:
    """List the differences that no deviation explains."""
    found = [d for d in DEVIATIONS if d.covers(exchange)]
    return [
        difference
        for difference in differences(exchange.reply, actual)
        if not any(deviation.explains(difference, actual) for deviation in found)
    ]


def idle(exchanges: Iterable[tuple[Recorded, Reply]]) -> set[str]:
    """Name the deviations that explained nothing."""
    left = list(DEVIATIONS)
    for exchange, actual in exchanges:
        for difference in differences(exchange.reply, actual):
            left = [
                d
                for d in left
                if not (d.covers(exchange) and d.explains(difference, actual))
            ]
    return {deviation.told for deviation in left}
