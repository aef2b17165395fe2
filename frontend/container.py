"""Make the things that all runs of the script share."""

import httpx
import streamlit as st

from frontend.api_client import ApiClient, connect
from frontend.session_cookie import COOKIE
from frontend.settings import UiSettings


@st.cache_resource(show_spinner=False)
def ui_settings() -> UiSettings:
    """Read the settings once per process."""
    return UiSettings()


@st.cache_resource(show_spinner=False)
def connections() -> httpx.Client:
    """Open one connection pool per process."""
    return connect(ui_settings())


def session_token() -> str | None:
    """Read the cookie that the browser sent with its websocket."""
    return st.context.cookies.get(COOKIE) or None


def api_client(token: str) -> ApiClient:
    """Speak to the API in the name of a session."""
    return ApiClient(connections(), token)
