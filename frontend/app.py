"""The ASGI application: `uvicorn frontend.app:app`."""

from functools import cache
from pathlib import Path

import httpx
from starlette.middleware import Middleware
from streamlit.starlette import App

from frontend.api_client import connect
from frontend.gate import Gate
from frontend.pages import PATHS
from frontend.password_routes import ChangePassword
from frontend.routes import SignIn
from frontend.settings import UiSettings


def create_app(settings: UiSettings) -> App:
    """Put Streamlit, our routes and the gate together; nothing connects yet."""

    @cache
    def http() -> httpx.Client:
        return connect(settings)

    return App(
        Path(__file__).with_name("script.py"),
        routes=[*SignIn(settings, http).routes(), *ChangePassword(http).routes()],
        middleware=[Middleware(Gate, pages=PATHS)],
    )


app = create_app(UiSettings())
