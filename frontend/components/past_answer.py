"""The answer of a job that has ended, however it ended."""

import streamlit as st

from frontend import state
from frontend.components.answer import (
    draw_text,
    draw_thinking,
    message_box,
)
from frontend.components.live_answer import next_answer
from frontend.components.notices import failure_box
from frontend.conversation import same_request
from frontend.errors import ApiError
from frontend.follow import Answer
from frontend.formatting import safe_markdown, summary_line
from frontend.replies import Job, JobFailure, JobState
from frontend.sending import submit
from frontend.visit import Visit


def past_answer(visit: Visit, job: Job) -> str | None:
    """Show how a job ended; give the text that it came to."""
    with message_box("assistant"):
        if job.state is JobState.SUCCEEDED:
            return _success(job)
        return _unfinished(visit, job)


def _success(job: Job) -> str | None:
    message = (job.result or {}).get("message")
    if not isinstance(message, dict):
        st.caption("This answer is not kept any more.")
        return None
    draw_thinking(str(message.get("thinking") or ""), is_open=False)
    text = str(message.get("content") or "")
    st.markdown(safe_markdown(text) or "*The model said nothing.*")
    if (job.result or {}).get("done_reason") == "length":
        st.caption("The answer reached its longest allowed length.")
    st.caption(summary_line(job))
    return text


def _unfinished(visit: Visit, job: Job) -> str | None:
    answer = _what_came(visit, job)
    draw_text(answer, is_coming=False)
    if job.state is JobState.CANCELLED:
        st.caption(f"Stopped · {job.model}")
    else:
        failure_box(job.error or JobFailure(message=f"The job has {job.state}."))
    _again(visit, job)
    return answer.text or None


def _again(visit: Visit, job: Job) -> None:
    if job.request is not None:
        st.button(
            "Try again",
            icon=":material/refresh:",
            on_click=submit,
            args=(visit, same_request(job), ""),
        )


def _what_came(visit: Visit, job: Job) -> Answer:
    seen = state.answer_of(job.id)
    if seen is not None and seen.is_over:
        return seen
    try:
        answer = next_answer(visit, job.id, Answer())
    except ApiError:
        return seen or Answer()  # streams are kept for minutes only
    state.keep_answer(job.id, answer)
    return answer
