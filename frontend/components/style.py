"""The few things about the look that Streamlit's theme cannot say."""

from pathlib import Path

import streamlit as st

_STYLE = Path(__file__).with_name("style.css")


def apply_style() -> None:
    """Add our style sheet to the page."""
    st.html(_STYLE)
