"""The answer of a job that still runs, read by polling from a fragment.

The text is made at the server; this only looks. So a click elsewhere, a reload or a
lost connection stops nothing, and whoever comes back reads on where they were.
"""

from collections.abc import Callable

import streamlit as st

from frontend import state
from frontend.components.answer import (
    draw_restart,
    draw_text,
    draw_waiting,
    message_box,
)
from frontend.components.notices import error_box
from frontend.errors import (
    ApiDownError,
    ApiError,
    BusyError,
    PayloadExpiredError,
    SessionEndedError,
)
from frontend.follow import Answer, LostTextError, take
from frontend.visit import Visit

# The browser asks again so often; a poll that finds nothing waits at the API besides.
_EVERY_SECONDS = 0.2


def live_answer(visit: Visit, job_id: str) -> None:
    """Show a running job's answer as it comes, and redraw the page at its end."""
    st.fragment(_look, run_every=_EVERY_SECONDS)(visit, job_id)


def _look(visit: Visit, job_id: str) -> None:
    known = state.answer_of(job_id)
    seen = known or Answer()
    # The first look draws what there is; the later ones have something on the page.
    wait_ms = visit.settings.ui_poll_wait if known else 0
    try:
        answer = next_answer(visit, job_id, seen, wait_ms=wait_ms)
    except (ApiDownError, BusyError) as error:
        _draw(visit, job_id, seen)
        st.warning(f"{error} The answer goes on there; this page tries again.")
        return
    except (SessionEndedError, PayloadExpiredError):
        st.rerun()  # the page itself knows what to say
    except ApiError as error:
        _draw(visit, job_id, seen)
        error_box(error)
        return
    state.keep_answer(job_id, answer)
    if answer.is_over:
        st.rerun()
    _draw(visit, job_id, answer)


def next_answer(visit: Visit, job_id: str, seen: Answer, *, wait_ms: int = 0) -> Answer:
    """Read what came since the last look; from the beginning if a piece is missing."""
    try:
        return take(
            seen, visit.client.tail(job_id, after=seen.last_id, wait_ms=wait_ms)
        )
    except LostTextError:
        return take(Answer(), visit.client.tail(job_id, after=None, wait_ms=0))


def _draw(visit: Visit, job_id: str, answer: Answer) -> None:
    with message_box("assistant"):
        draw_restart(answer)
        draw_text(answer, is_coming=True)
        if not answer.has_begun:
            draw_waiting(answer)
        st.button(
            "Stop",
            key=f"stop-{job_id}",
            icon=":material/stop_circle:",
            on_click=_stop(visit, job_id),
        )


def _stop(visit: Visit, job_id: str) -> Callable[[], None]:
    def stop() -> None:
        try:
            visit.client.cancel(job_id)
        except ApiError as error:
            if error.code == "job_is_final":
                return  # it was quicker
            st.toast(f"Not stopped: {error} {error.advice}", icon=":material/error:")

    return stop
