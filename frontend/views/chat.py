"""The chat: one conversation, found by the job in the address."""

import streamlit as st

from frontend import state
from frontend.components.answer import draw_message
from frontend.components.live_answer import live_answer
from frontend.components.notices import error_box
from frontend.components.options import chat_models, pick_model, thinks
from frontend.components.past_answer import past_answer
from frontend.components.pulls import pulls
from frontend.conversation import (
    Conversation,
    conversation_of,
    new_conversation,
    next_request,
)
from frontend.errors import ApiError
from frontend.replies import Job, Model
from frontend.sending import submit
from frontend.state import Slot
from frontend.visit import Visit


def show(visit: Visit) -> None:
    """Draw the chat that the address names, or a new one."""
    try:
        models = visit.client.models()
        job = _open_job(visit)
    except ApiError as error:
        error_box(error)
        return
    conversation = conversation_of(job) if job else new_conversation()
    state.adopt(conversation)
    usable = chat_models(models)
    if usable:
        _talk(visit, job, conversation, pick_model(usable))
    else:
        _transcript(visit, job, conversation)
        _no_model(models)


def _open_job(visit: Visit) -> Job | None:
    job_id = state.open_job_id()
    return visit.client.job(job_id) if job_id else None


def _talk(
    visit: Visit, job: Job | None, conversation: Conversation, model: Model
) -> None:
    answer = _transcript(visit, job, conversation)
    _unsent_message(visit)
    is_running = job is not None and not job.state.is_final
    st.chat_input(
        f"Message {model.name}" if not is_running else "The answer is on its way …",
        key=Slot.PROMPT,
        disabled=is_running,
        on_submit=_send_prompt,
        args=(visit, conversation, answer, model),
    )


def _transcript(
    visit: Visit, job: Job | None, conversation: Conversation
) -> str | None:
    if job is None:
        _welcome()
        return None
    if not conversation.is_kept:
        st.info("The messages of this chat are not kept any more.")
    for message in conversation.spoken:
        draw_message(message)
    if not job.state.is_final:
        live_answer(visit, job.id)
        return None
    return past_answer(visit, job)


def _welcome() -> None:
    st.html(
        '<div class="corral-welcome"><h1>What would you like to know?</h1>'
        "<p>Your question is kept safe: if this page or a machine goes away,"
        " the answer is still made.</p></div>"
    )


def _no_model(models: list[Model]) -> None:
    st.info("No model that can chat is here yet.", icon=":material/hourglass_top:")
    pulls(models)


def _unsent_message(visit: Visit) -> None:
    unsent = state.unsent()
    if unsent is None:
        return
    if unsent.prompt:
        draw_message({"role": "user", "content": unsent.prompt})
    error_box(unsent.error)
    with st.container(horizontal=True):
        st.button(
            "Send again",
            type="primary",
            icon=":material/refresh:",
            on_click=submit,
            args=(visit, unsent.body, unsent.prompt, unsent.idempotency_key),
        )
        st.button("Discard", on_click=state.keep_unsent, args=(None,))


def _send_prompt(
    visit: Visit, conversation: Conversation, answer: str | None, model: Model
) -> None:
    prompt = str(st.session_state[Slot.PROMPT] or "").strip()
    if not prompt:
        return
    body = next_request(
        conversation,
        answer,
        prompt,
        user=str(visit.account.user.id),
        model=model.name,
        instructions=st.session_state.get(Slot.INSTRUCTIONS) or "",
        think=thinks(model),
    )
    submit(visit, body, prompt)
