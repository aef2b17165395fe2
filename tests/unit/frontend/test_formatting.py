from datetime import UTC, datetime, timedelta

import pytest

from frontend.follow import Answer
from frontend.formatting import (
    duration,
    literal,
    safe_markdown,
    size,
    summary_line,
    title_of,
    waiting_line,
)
from frontend.replies import Job, JobState, Progress, Usage

START = datetime(2026, 5, 1, 12, tzinfo=UTC)


def test_a_picture_becomes_a_link_so_that_nothing_is_fetched() -> None:
    text = safe_markdown("See ![secret](https://evil.example/?q=secret) here")

    assert text == "See [secret](https://evil.example/?q=secret) here"


def test_prices_are_no_formula() -> None:
    assert safe_markdown("$5 and $10") == "\\$5 and \\$10"


def test_formulas_stay_formulas() -> None:
    assert safe_markdown("$x^2$ and $$y$$") == "$x^2$ and $$y$$"


def test_streamlits_directives_show_as_they_are() -> None:
    assert safe_markdown(":red[x] :material/home:") == "\\:red[x] \\:material/home:"


def test_times_and_ratios_are_no_directives() -> None:
    assert safe_markdown("at 12:30, 3:1, note: yes") == "at 12:30, 3:1, note: yes"


@pytest.mark.parametrize(
    "code",
    ["`$5 ![x](y) :red[z]`", "```\n$5 ![x](y)\n```", "~~~\n$5\n~~~", "```\n$5 open"],
)
def test_code_is_left_alone(code: str) -> None:
    assert safe_markdown(code) == code


def test_a_label_shows_markup_as_it_was_written() -> None:
    assert literal("a*b* [c](d)\n:e:") == "a\\*b\\* \\[c\\](d) \\:e\\:"


def test_a_title_is_one_short_line() -> None:
    assert title_of("short\n  text") == "short text"
    assert title_of("word " * 30, length=12) == "word word w…"


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (None, "unknown"),
        (999, "999 B"),
        (1500, "2 kB"),
        (522_653_767, "522.7 MB"),
        (3_338_801_804, "3.3 GB"),
        (4.2e12, "4.2 TB"),
    ],
)
def test_sizes(count: float | None, text: str) -> None:
    assert size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.44, "0.4 s"), (12, "12 s"), (185, "3 min 05 s"), (3720, "1 h 02 min")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (Answer(), "In the queue"),
        (
            Answer(position=3, eta_seconds=12),
            "In the queue, position 3, about 12 s to go",
        ),
        (
            Answer(state=JobState.RUNNING, progress=Progress(status="x")),
            "Loading the model",
        ),
        (Answer(state=JobState.RUNNING), "Running"),
        (Answer(state=JobState.RUNNING, node="gpu-1"), "Running on gpu-1"),
    ],
)
def test_a_job_without_text_says_where_it_is(answer: Answer, line: str) -> None:
    assert waiting_line(answer) == line


def finished(**more: object) -> Job:
    return Job(
        id="1",
        kind="chat",
        model="qwen3:0.6b",
        state=JobState.SUCCEEDED,
        created_at=START,
        first_token_at=START + timedelta(seconds=0.5),
        finished_at=START + timedelta(seconds=2.5),
        **more,
    )


def test_a_finished_job_says_how_much_and_how_fast() -> None:
    job = finished(usage=Usage(completion_tokens=100))

    line = "qwen3:0.6b · 100 tokens · 50 tokens/s · first token after 0.5 s"
    assert summary_line(job) == f"{line} · 2.5 s in all"


def test_one_token_is_singular_and_no_usage_is_no_figure() -> None:
    assert "· 1 token ·" in summary_line(finished(usage=Usage(completion_tokens=1)))
    assert "token/s" not in summary_line(finished())


def test_a_fallback_is_named() -> None:
    line = summary_line(finished(served_model="gemma3:4b"))

    assert line.startswith("gemma3:4b (in place of qwen3:0.6b)")
