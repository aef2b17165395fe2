"""Errors and news, each with what to do next."""

import time

import streamlit as st

from frontend.advice import advice_for
from frontend.errors import ApiError
from frontend.formatting import literal
from frontend.replies import JobFailure
from frontend.state import Slot
from frontend.visit import Visit

# A node that has only just come may turn out to be a simulator; none stops being one.
_LOOK_AGAIN_SECONDS = {True: 300.0, False: 10.0}


def error_box(error: ApiError) -> None:
    """Show an error of the API: what was wrong, and what to do next."""
    mark = f" `{error.request_id}`" if error.request_id else ""
    st.error(
        f"**{literal(str(error))}**  \n{error.advice}{mark}", icon=":material/error:"
    )


def failure_box(failure: JobFailure) -> None:
    """Show why a job failed, and what to do next."""
    tries = f" · {failure.attempts} attempts" if (failure.attempts or 0) > 1 else ""
    said = literal(failure.message) or "The job did not succeed."
    advice = advice_for(failure.code, otherwise=failure.advice)
    st.error(
        f"**{said}**  \n{advice}  \n:small[`{failure.code}`{tries}]",
        icon=":material/error:",
    )


def simulated_banner(visit: Visit) -> None:
    """Say on every page when no model answers, but a simulator."""
    if _is_simulated(visit):
        st.html(
            '<p class="corral-demo" role="note"><strong>Demo.</strong>'
            " No model runs here: all answers are simulated.</p>"
        )


def _is_simulated(visit: Visit) -> bool:
    known = st.session_state.get(Slot.SIMULATED)
    if known and known[1] > time.monotonic():
        return bool(known[0])
    simulated = visit.settings.ui_simulated or _nodes_say_so(visit)
    again = time.monotonic() + _LOOK_AGAIN_SECONDS[simulated]
    st.session_state[Slot.SIMULATED] = (simulated, again)
    return simulated


def _nodes_say_so(visit: Visit) -> bool:
    try:
        return visit.client.is_simulated()
    except ApiError:
        return False  # who may not see the nodes is told by the setting
