"""How messages, past and live answers look in the less usual cases."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from streamlit.testing.v1 import AppTest

from tests.fakes.api import FakeApi, Pace, Refusal
from tests.fakes.api_jobs import FakeJob
from tests.fakes.ui_page import Clock, said

OpenPage = Callable[..., AppTest]


def put_job(api: FakeApi, *messages: dict[str, Any]) -> FakeJob:
    body = {"kind": "chat", "model": "qwen3:0.6b", "request": {"messages": messages}}
    return api.add_job(body, str(messages[-1].get("content", "")))


def answer_with(job: FakeJob, result: dict[str, Any] | None) -> None:
    original = job.view

    def view(now: float, *, whole: bool) -> dict[str, Any]:
        return original(now, whole=whole) | {"result": result}

    job.view = view  # type: ignore[method-assign]  # a result of our own


def test_pictures_are_counted_and_tool_results_are_not_shown(
    open_page: OpenPage, api: FakeApi, clock: Clock
) -> None:
    job = put_job(
        api,
        {"role": "tool", "content": "42 degrees"},
        {"role": "user", "content": "Look", "images": ["aGk=", "aGk="]},
    )
    clock.advance(5)
    text = said(open_page(job=job.id))

    assert "with 2 pictures" in text
    assert "42 degrees" not in text


def test_an_answer_that_was_cut_at_its_longest_says_so(
    open_page: OpenPage, api: FakeApi, clock: Clock
) -> None:
    job = put_job(api, {"role": "user", "content": "Go"})
    message = {"role": "assistant", "content": "and so"}
    answer_with(job, {"message": message, "done_reason": "length"})
    clock.advance(5)

    assert "longest allowed length" in said(open_page(job=job.id))


def test_an_answer_without_words_is_not_an_empty_box(
    open_page: OpenPage, api: FakeApi, clock: Clock
) -> None:
    job = put_job(api, {"role": "user", "content": "Go"})
    answer_with(job, {"message": {"role": "assistant", "content": ""}})
    clock.advance(5)

    assert "said nothing" in said(open_page(job=job.id))


def test_tools_that_a_running_answer_asks_for_are_named(
    open_page: OpenPage, api: FakeApi, clock: Clock
) -> None:
    api.pace = Pace(tokens_per_second=1)
    job = put_job(api, {"role": "user", "content": "Weather?"})
    call = {"index": 0, "function": {"name": "get_weather", "arguments": {}}}
    frames = job.steps()
    frames[0] = (1, {"tool_calls": [call]})
    job.steps = lambda: frames  # type: ignore[method-assign]  # one call, then words
    clock.advance(1)

    assert "Asks for the tool `get_weather`" in said(open_page(job=job.id))


def test_a_stopped_answer_whose_stream_is_gone_is_still_shown_as_stopped(
    open_page: OpenPage, api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = put_job(api, {"role": "user", "content": "Go"})
    job.pace = Pace(queue_seconds=100)
    job.cancelled = job.created

    def gone(found: FakeJob, request: httpx.Request) -> None:
        raise Refusal(410, "payload_expired", "Gone.")

    monkeypatch.setattr(api, "_tokens", gone)
    page = open_page(job=job.id)

    assert "Stopped" in said(page)
    assert not page.error


@pytest.mark.parametrize(
    ("status", "code", "told"),
    [(500, "internal", "Broken."), (401, "invalid_key", None)],
)
def test_an_error_in_mid_answer_is_told_without_losing_the_text(
    open_page: OpenPage,
    api: FakeApi,
    clock: Clock,
    *,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    code: str,
    told: str | None,
) -> None:
    api.pace = Pace(tokens_per_second=1)
    job = put_job(api, {"role": "user", "content": "Go"})
    clock.advance(3)
    page = open_page(job=job.id)

    def broken(found: FakeJob, request: httpx.Request) -> None:
        if status == 401:
            api.sessions.clear()
        raise Refusal(status, code, "Broken.")

    monkeypatch.setattr(api, "_tokens", broken)
    page.run()

    if told:
        assert told in page.error[0].value
        assert "Horses are kept" in said(page)
    else:
        assert "session has ended" in page.header[0].value


def test_a_stop_that_the_api_does_not_take_is_told(
    open_page: OpenPage, api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.pace = Pace(queue_seconds=100)
    job = put_job(api, {"role": "user", "content": "Go"})
    page = open_page(job=job.id)

    def refuse(found: FakeJob) -> None:
        raise Refusal(503, "database_unavailable", "The database is down.")

    monkeypatch.setattr(api, "_cancel", refuse)
    page.button(key=f"stop-{job.id}").click().run()

    assert "Not stopped: The database is down." in page.toast[0].value


def test_a_lost_piece_of_the_stream_is_read_again_from_the_beginning(
    open_page: OpenPage, api: FakeApi, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.pace = Pace(tokens_per_second=1)
    job = put_job(api, {"role": "user", "content": "Go"})
    clock.advance(2)
    page = open_page(job=job.id)
    clock.advance(4)
    events = job.events(clock.now)
    original = api._tokens

    def lossy(found: FakeJob, request: httpx.Request) -> httpx.Response:
        if "after" in request.url.params:
            body = {"state": "running", "events": events[-1:], "next": None}
            return httpx.Response(200, json=body)
        return original(found, request)

    monkeypatch.setattr(api, "_tokens", lossy)
    page.run()

    assert "Horses are kept in a **corral** for" in said(page)


def test_chats_that_cannot_be_listed_do_not_hide_the_page(
    open_page: OpenPage, api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(request: httpx.Request) -> None:
        raise Refusal(503, "database_unavailable", "The database is down.")

    monkeypatch.setattr(api, "_list", refuse)
    page = open_page()

    assert "cannot be listed now" in said(page)
    assert page.chat_input


def test_a_refused_message_is_forgotten_with_its_chat(
    open_page: OpenPage, api: FakeApi
) -> None:
    page = open_page()
    page.chat_input[0].set_value("this is forbidden").run()
    assert "may not use this model" in page.error[0].value
    discard = next(button for button in page.button if button.label == "Discard")
    discard.click().run()

    assert not page.error
    assert "forbidden" not in said(page)
