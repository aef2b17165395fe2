"""Values as people read them; pure."""

import re

from frontend.follow import Answer
from frontend.replies import Job, JobState

_FENCE = re.compile(r"(```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)|`[^`\n]*`)", re.DOTALL)
_IMAGE = re.compile(r"!(?=\[)")
_PRICE = re.compile(r"(?<![\\$])\$(?=\d)")
_DIRECTIVE = re.compile(r"(?<!\\):(?=[a-z_/+-]+(?:[:\[]))")
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#$|~!:])")
_MODEL_STATES = {
    "loaded": "ready",
    "on_disk": "loads on first use",
    "pulling": "downloading",
    "unavailable": "not available now",
}


def safe_markdown(text: str) -> str:
    """Make a model's text harmless to render: it may format, but fetch nothing.

    Images become links, since fetching one tells its server what the model knows.
    `:red[…]` and `:material/…:` are Streamlit's, and `$5 … $6` is no formula.
    """
    parts = _FENCE.split(text)
    return "".join(
        part if index % 2 else _plain_prose(part) for index, part in enumerate(parts)
    )


def _plain_prose(text: str) -> str:
    without_images = _IMAGE.sub("", text)
    without_prices = _PRICE.sub(r"\\$", without_images)
    return _DIRECTIVE.sub(r"\\:", without_prices)


def literal(text: str) -> str:
    """Escape text for a label, so that it shows as it was written."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def title_of(text: str, *, length: int = 42) -> str:
    """Shorten a first message to a title."""
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"


def size(size_bytes: float | None) -> str:
    """Write a size as 1.3 GB."""
    if size_bytes is None:
        return "unknown"
    for unit in ("B", "kB", "MB", "GB"):
        if size_bytes < 1000:
            return (
                f"{size_bytes:.0f} {unit}"
                if unit in "BkB"
                else f"{size_bytes:.1f} {unit}"
            )
        size_bytes /= 1000
    return f"{size_bytes:.1f} TB"


def duration(seconds: float) -> str:
    """Write a duration as 0.4 s, 12 s, 3 min 05 s or 1 h 02 min."""
    if seconds < 10:
        return f"{max(seconds, 0):.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def model_state(state: str) -> str:
    """Say what a model's state means to somebody who wants to use it."""
    return _MODEL_STATES.get(state, state)


def waiting_line(answer: Answer) -> str:
    """Say where a job is that has no text yet."""
    if answer.state is JobState.QUEUED:
        return _queue_line(answer)
    if answer.progress is not None:
        return "Loading the model"
    return f"Running on {answer.node}" if answer.node else "Running"


def _queue_line(answer: Answer) -> str:
    line = "In the queue"
    if answer.position:
        line += f", position {answer.position}"
    if answer.eta_seconds:
        line += f", about {duration(answer.eta_seconds)} to go"
    return line


def summary_line(job: Job) -> str:
    """Say who answered a finished job, how much and how fast."""
    parts = [job.served_model or job.model]
    if job.served_model and job.served_model != job.model:
        parts = [f"{job.served_model} (in place of {job.model})"]
    tokens = job.usage.completion_tokens if job.usage else None
    if tokens is not None:
        parts.append(f"{tokens} token" if tokens == 1 else f"{tokens} tokens")
    parts += _timings(job, tokens)
    return " · ".join(parts)


def _timings(job: Job, tokens: int | None) -> list[str]:
    first, last = job.first_token_at, job.finished_at
    parts = []
    if first and last and tokens and (last - first).total_seconds() > 0:
        parts.append(f"{tokens / (last - first).total_seconds():.0f} tokens/s")
    if first:
        parts.append(
            f"first token after {duration((first - job.created_at).total_seconds())}"
        )
    if last:
        parts.append(f"{duration((last - job.created_at).total_seconds())} in all")
    return parts
