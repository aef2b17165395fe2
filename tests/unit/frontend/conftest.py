"""The fake API in this process, and the UI's script signed in to it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from frontend import container
from frontend.api_client import ApiClient
from tests.fakes.api import ADMIN_KEY, USER_KEY, FakeApi
from tests.fakes.ui_page import Clock

_SCRIPT = Path(__file__).parents[3] / "frontend" / "script.py"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def api(clock: Clock) -> FakeApi:
    return FakeApi(clock=clock)


@pytest.fixture
def http(api: FakeApi) -> Iterator[httpx.Client]:
    transport = httpx.MockTransport(api.handle)
    with httpx.Client(transport=transport, base_url="http://fake") as client:
        yield client


@pytest.fixture
def client(api: FakeApi, http: httpx.Client) -> ApiClient:
    return ApiClient(http, api.sign_in())


@pytest.fixture
def open_page(
    api: FakeApi, http: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., AppTest]:
    """Give what opens the UI as a user, an admin, or nobody."""
    # A poll must not wait: the clock of these tests stands still.
    monkeypatch.setenv("UI_POLL_WAIT", "0")
    st.cache_resource.clear()
    monkeypatch.setattr(container, "connections", lambda: http)

    def open_it(*, who: str | None = "user", job: str | None = None) -> AppTest:
        keys = {"admin": ADMIN_KEY, "user": USER_KEY}
        token = api.sign_in(keys.get(who, who)) if who else None
        monkeypatch.setattr(container, "session_token", lambda: token)
        page = AppTest.from_file(_SCRIPT, default_timeout=20)
        if job:
            page.query_params["job"] = job
        return page.run()

    return open_it
