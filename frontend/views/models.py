"""The models: what there is, where it is, and what is being downloaded."""

from uuid import uuid4

import streamlit as st

from frontend.components.notices import error_box, failure_box
from frontend.components.pulls import draw_pull
from frontend.errors import ApiError
from frontend.formatting import literal, model_state, size
from frontend.replies import Job, JobState, Model
from frontend.state import Slot
from frontend.visit import Visit

_BADGES = {"loaded": "green", "on_disk": "blue", "pulling": "orange"}
_CAPABILITIES = {"completion": "chat", "embedding": "embeddings", "insert": "infill"}
# Downloads take minutes; somebody who looks at the list sees a model load, too.
_EVERY_SECONDS = 2.0


def show(visit: Visit) -> None:
    """Draw the list, which keeps itself up to date, and the form for a new pull."""
    st.header("Models", anchor=False)
    if visit.account.is_admin:
        _pull_form(visit)
    st.fragment(_list, run_every=_EVERY_SECONDS)(visit)


def _list(visit: Visit) -> None:
    try:
        models = visit.client.models()
        _own_pull(visit)
    except ApiError as error:
        error_box(error)
        return
    if not models:
        st.info("There are no models yet. An administrator can pull one.")
    for model in sorted(models, key=_urgency):
        _card(model)


def _urgency(model: Model) -> tuple[bool, bool, str]:
    return (model.pull is None, model.state != "loaded", model.name)


def _card(model: Model) -> None:
    with st.container(border=True, gap=None):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{literal(model.name)}**", width="stretch")
            _badge(model)
        st.caption(_facts(model))
        if model.pull is not None:
            draw_pull(model.pull)


def _badge(model: Model) -> None:
    color = _BADGES.get(model.state, "gray")
    st.markdown(f":{color}-badge[{model_state(model.state)}]", width="content")


def _facts(model: Model) -> str:
    can = ", ".join(_CAPABILITIES.get(c, c) for c in model.capabilities)
    facts = [can or "abilities not known yet"]
    if model.size_bytes:
        facts.append(size(model.size_bytes))
    if model.context_length:
        facts.append(f"context of {model.context_length:,} tokens")
    if model.nodes:
        facts.append("on " + ", ".join(literal(node) for node in model.nodes))
    return " · ".join(facts)


def _pull_form(visit: Visit) -> None:
    with (
        st.form("pull", border=False),
        st.container(horizontal=True, vertical_alignment="bottom"),
    ):
        st.text_input(
            "Download a model",
            key=Slot.PULL_NAME,
            placeholder="A name from Ollama's library, such as qwen3:0.6b",
        )
        st.form_submit_button(
            "Download",
            icon=":material/download:",
            on_click=_start_pull,
            args=(visit,),
        )


def _start_pull(visit: Visit) -> None:
    name = str(st.session_state.get(Slot.PULL_NAME) or "").strip()
    if not name:
        st.toast("Write the name of a model first.")
        return
    body = {"kind": "pull", "model": name, "request": {}}
    try:
        job = visit.client.submit(body, idempotency_key=str(uuid4()))
    except ApiError as error:
        st.session_state[Slot.PULL] = error
    else:
        st.session_state[Slot.PULL] = job.id


def _own_pull(visit: Visit) -> None:
    """Say how the pull that was started here goes, also when it fails at once."""
    pull = st.session_state.get(Slot.PULL)
    if isinstance(pull, ApiError):
        error_box(pull)
    elif isinstance(pull, str):
        _own_pull_job(visit.client.job(pull))


def _own_pull_job(job: Job) -> None:
    name = literal(job.model)
    if job.state is JobState.SUCCEEDED:
        st.success(f"**{name}** is downloaded.", icon=":material/check_circle:")
    elif job.error is not None:
        failure_box(job.error)
    elif job.state is JobState.QUEUED:
        st.info(f"**{name}** waits for a machine to download it.")
