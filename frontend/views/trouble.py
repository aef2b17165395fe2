"""What is shown instead of a page when there is no session or no API."""

import streamlit as st

from frontend.components.notices import error_box
from frontend.errors import ApiError


def show_signed_out() -> None:
    """Say that the session has ended, and lead to the login page."""
    _alone()
    st.header("Your session has ended", anchor=False)
    st.write("Sign in again to go on. Running answers go on without you.")
    # A link of Streamlit's own would open another tab.
    st.html('<a class="corral-button" href="/login?reason=ended">Sign in</a>')


def show_api_error(error: ApiError) -> None:
    """Say what is wrong with the API, and let people look again."""
    _alone()
    st.header("Corral is not reachable right now", anchor=False)
    error_box(error)
    st.button("Try again", type="primary", icon=":material/refresh:")


def _alone() -> None:
    # Without this Streamlit would still run the page of the last visit.
    st.navigation([st.Page(_nothing, title="Corral", default=True)], position="hidden")


def _nothing() -> None:
    """Show nothing; the page is drawn around it."""
