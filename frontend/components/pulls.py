"""Downloads of models that run now."""

import streamlit as st

from frontend.formatting import literal, size
from frontend.replies import Model, Pull


def pulls(models: list[Model]) -> None:
    """Draw each running download with how far it is."""
    for model in models:
        if model.pull is not None:
            st.markdown(f"**{literal(model.name)}**")
            draw_pull(model.pull)


def draw_pull(pull: Pull) -> None:
    """Draw one download."""
    fraction = pull.fraction
    text = literal(pull.status or "waiting")
    if fraction is None:
        st.progress(0.0, text=text)
        return
    done = f"{size(pull.completed)} of {size(pull.total)} · {fraction:.0%}"
    st.progress(fraction, text=f"{text} · {done}")
