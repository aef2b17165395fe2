"""Which model answers, and how."""

import streamlit as st

from frontend.formatting import model_state
from frontend.replies import Model
from frontend.state import Slot

_ORDER = ("loaded", "on_disk", "unavailable")


def chat_models(models: list[Model]) -> list[Model]:
    """Keep the models that can chat, those that answer soonest first."""
    usable = [m for m in models if m.can_chat and m.state in _ORDER]
    return sorted(usable, key=lambda m: (_ORDER.index(m.state), m.name))


def pick_model(models: list[Model]) -> Model:
    """Let people choose a model; an adopted chat goes on with its own."""
    by_name = {model.name: model for model in models}
    if st.session_state.get(Slot.MODEL) not in by_name:
        st.session_state[Slot.MODEL] = next(iter(by_name))
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        name = st.selectbox(
            "Model",
            list(by_name),
            key=Slot.MODEL,
            format_func=lambda n: f"{n}  ·  {model_state(by_name[n].state)}",
            label_visibility="collapsed",
        )
        _more(by_name[str(name)])
    return by_name[str(name)]


def _more(model: Model) -> None:
    with st.popover("Options", icon=":material/tune:"):
        st.text_area(
            "Instructions",
            key=Slot.INSTRUCTIONS,
            placeholder="How the model should answer, such as: in short sentences.",
            help="The model reads them before the first message.",
        )
        if model.can_think:
            st.toggle("Think before answering", value=True, key=Slot.THINK)


def thinks(model: Model) -> bool | None:
    """Tell whether the model shall think; None where it cannot choose."""
    return bool(st.session_state.get(Slot.THINK, True)) if model.can_think else None
