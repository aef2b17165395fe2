"""What a browser tab remembers between runs of the script, and what its address says.

Streamlit's session state is untyped and global to the tab, so its names are here. There
is never a key or token in it. It may be lost at any time: a reload begins with an empty
state, finds its chat by the address, and all else at the API.
"""

from dataclasses import dataclass
from enum import StrEnum

import streamlit as st

from frontend.conversation import Conversation
from frontend.errors import ApiError
from frontend.follow import Answer
from frontend.pages import JOB_PARAMETER

_ANSWERS_KEPT = 20


class Slot(StrEnum):
    """The names in the session state; those of widgets are their keys."""

    PROMPT = "prompt"
    MODEL = "model"
    INSTRUCTIONS = "instructions"
    THINK = "think"
    PULL_NAME = "pull_name"
    ANSWERS = "_answers"
    UNSENT = "_unsent"
    ADOPTED = "_adopted"
    SIMULATED = "_simulated"
    PULL = "_pull"


@dataclass(frozen=True, slots=True)
class Unsent:
    """A message that the API did not take; it can be sent again.

    Args:
        idempotency_key: Sent again with it, so that a message whose acceptance we
            did not hear of is not answered twice.
    """

    prompt: str
    body: dict[str, object]
    error: ApiError
    idempotency_key: str


def open_job_id() -> str | None:
    """Read which chat the address names."""
    return st.query_params.get(JOB_PARAMETER) or None


def show_job(job_id: str | None) -> None:
    """Make the address name a chat, so that a reload finds it, or a new one."""
    st.query_params.from_dict({JOB_PARAMETER: job_id} if job_id else {})


def answer_of(job_id: str) -> Answer | None:
    """Give what this tab has seen of a job's stream."""
    return _answers().get(job_id)


def keep_answer(job_id: str, answer: Answer) -> None:
    """Remember what was seen of a job's stream; old ones are dropped."""
    answers = _answers()
    answers[job_id] = answer
    while len(answers) > _ANSWERS_KEPT:
        answers.pop(next(iter(answers)))


def _answers() -> dict[str, Answer]:
    found: dict[str, Answer] = st.session_state.setdefault(Slot.ANSWERS, {})
    return found


def unsent() -> Unsent | None:
    """Give the message that could not be sent."""
    found: Unsent | None = st.session_state.get(Slot.UNSENT)
    return found


def keep_unsent(message: Unsent | None) -> None:
    """Remember a message that could not be sent, or forget it."""
    st.session_state[Slot.UNSENT] = message


def adopt(conversation: Conversation) -> None:
    """Take over a chat's model and instructions when another chat is opened."""
    if st.session_state.get(Slot.ADOPTED) == conversation.job_id:
        return
    st.session_state[Slot.ADOPTED] = conversation.job_id
    keep_unsent(None)  # it belonged to the other chat
    if conversation.model:
        st.session_state[Slot.MODEL] = conversation.model
    st.session_state[Slot.INSTRUCTIONS] = conversation.instructions
