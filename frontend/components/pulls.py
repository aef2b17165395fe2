"""Downloads of models that run now."""

import streamlit as st

from frontend.formatting import literal, size
from frontend.replies import Model, Pull


def pulls(models: list[Model]) -> None:
    """Draw each running download with how far it is."""
    for model in models:
        if model.pull is not None:
            draw_pull(model.name, model.pull)


def draw_pull(name: str, pull: Pull) -> None:
    """Draw one download."""
    fraction = pull.fraction
    text = f"**{literal(name)}** · {literal(pull.status or 'waiting')}"
    if fraction is None:
        st.progress(0.0, text=text)
        return
    done = f"{size(pull.completed)} of {size(pull.total)} · {fraction:.0%}"
    st.progress(fraction, text=f"{text} · {done}")
