from collections.abc import Callable

import httpx
import pytest
from streamlit.testing.v1 import AppTest

from tests.fakes.api import FakeApi, Refusal
from tests.fakes.ui_page import said

OpenPage = Callable[..., AppTest]


def test_without_a_session_nothing_is_asked_but_to_sign_in(
    open_page: OpenPage, api: FakeApi
) -> None:
    page = open_page(who=None)

    assert "session has ended" in page.header[0].value
    assert "/login?reason=ended" in said(page)
    assert not api.requests


def test_a_session_that_the_api_does_not_know_is_over(
    open_page: OpenPage, api: FakeApi
) -> None:
    page = open_page()
    api.sessions.clear()
    page.run()

    assert "session has ended" in page.header[0].value
    assert not page.chat_input


def test_an_api_that_is_down_is_told_and_can_be_asked_again(
    open_page: OpenPage, api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with monkeypatch.context() as patch:
        patch.setattr(api, "_route", refuse)
        page = open_page()
    assert "does not answer" in page.error[0].value
    page.button[0].click().run()

    assert page.chat_input


def test_every_page_says_that_answers_are_simulated(
    open_page: OpenPage, api: FakeApi
) -> None:
    assert "all answers are simulated" in said(open_page())
    api.simulated = False
    assert "simulated" not in said(open_page())


def test_nodes_that_may_not_be_seen_are_no_reason_to_fail(
    open_page: OpenPage, api: FakeApi
) -> None:
    def no_nodes(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/nodes"):
            raise Refusal(403, "scope_missing", "No.")
        return original(request)

    original = api._route
    api._route = no_nodes  # type: ignore[method-assign]  # one refusal
    page = open_page()

    assert not page.exception
    assert page.chat_input


@pytest.mark.parametrize(
    ("who", "shown", "link"),
    [
        ("user", "Grace<small>Key corral-user", False),
        ("ada", "ada<small>Administrator</small>", True),
        ("grace", "grace<small>User</small>", True),
    ],
)
def test_the_side_bar_says_who_is_signed_in_and_how(
    open_page: OpenPage, who: str, shown: str, *, link: bool
) -> None:
    page = said(open_page(who=who))

    assert shown in page
    assert ('href="/password"' in page) is link


def test_recent_chats_are_listed_and_a_refused_list_says_so(
    open_page: OpenPage, api: FakeApi
) -> None:
    page = open_page()
    assert "Your chats will be listed here" in said(page)
    page.chat_input[0].set_value("a *starred* question").run()

    assert page.sidebar.button[-1].label == "a \\*starred\\* question"


def test_a_recent_chat_is_opened_and_left_by_the_address(
    open_page: OpenPage,
) -> None:
    page = open_page()
    page.chat_input[0].set_value("one").run()
    job = page.query_params["job"]
    page.sidebar.button(key="new-chat").click().run()
    assert "job" not in page.query_params
    page.sidebar.button[-1].click().run()

    assert page.query_params["job"] == job


def test_nothing_the_tab_remembers_holds_a_token(
    open_page: OpenPage, api: FakeApi
) -> None:
    page = open_page()
    page.chat_input[0].set_value("hello").run()

    token = next(iter(api.sessions))
    assert token not in repr(page.session_state)
