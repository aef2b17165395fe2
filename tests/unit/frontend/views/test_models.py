from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest
from streamlit.testing.v1 import AppTest

from frontend.api_client import ApiClient
from frontend.settings import UiSettings
from frontend.visit import Visit
from tests.fakes.api import ADMIN_KEY, USER_KEY, FakeApi, Pace, Refusal, model
from tests.fakes.ui_page import Clock, said

Open = Callable[[str], AppTest]


def _script(visit: "Visit") -> None:
    from frontend.views import models  # noqa: PLC0415 — only this body is the script

    models.show(visit)


@pytest.fixture
def open_models(api: FakeApi, http: httpx.Client) -> Open:
    def open_it(key: str) -> AppTest:
        client = ApiClient(http, api.sign_in(key))
        visit = Visit(UiSettings(), client, client.me(), datetime.now(tz=UTC))
        return AppTest.from_function(_script, kwargs={"visit": visit}).run()

    return open_it


def test_each_model_shows_its_state_size_and_abilities(open_models: Open) -> None:
    text = said(open_models(USER_KEY))

    assert "**qwen3\\:0.6b**" in text
    assert ":green-badge[ready]" in text
    assert "chat, tools, thinking · 522.7 MB · context of 40,960 tokens" in text
    assert "embeddings · 274.3 MB" in text
    assert "not available now" in text


def test_a_running_pull_comes_first_with_its_progress(
    open_models: Open, api: FakeApi, clock: Clock
) -> None:
    api.pulls["tinyllama:latest"] = clock.now
    clock.advance(15)
    page = open_models(USER_KEY)

    assert page.get("progress")[0].proto.value == 50
    assert "261.0 MB of 522.0 MB · 50%" in page.get("progress")[0].proto.text
    assert "tinyllama" in page.markdown[0].value


def test_only_an_admin_may_start_a_pull(open_models: Open) -> None:
    assert not open_models(USER_KEY).text_input
    assert open_models(ADMIN_KEY).text_input


def test_an_admin_pulls_a_model_by_name(open_models: Open, api: FakeApi) -> None:
    page = open_models(ADMIN_KEY)
    page.text_input[0].set_value(" tinyllama ")
    page.button[0].click().run()

    assert api.bodies == [{"kind": "pull", "model": "tinyllama", "request": {}}]
    assert "pulling 7f4030143c1c" in page.get("progress")[0].proto.text


def test_the_end_of_a_pull_is_told(
    open_models: Open, api: FakeApi, clock: Clock
) -> None:
    page = open_models(ADMIN_KEY)
    page.text_input[0].set_value("tinyllama")
    page.button[0].click().run()
    clock.advance(60)
    page.run()

    assert "downloaded" in page.success[0].value
    assert not page.get("progress")


def test_a_pull_without_a_name_asks_for_one(open_models: Open, api: FakeApi) -> None:
    page = open_models(ADMIN_KEY)
    page.button[0].click().run()

    assert page.toast[0].value == "Write the name of a model first."
    assert not api.bodies


def test_a_list_that_cannot_be_had_is_an_error_not_an_empty_list(
    open_models: Open, api: FakeApi
) -> None:
    page = open_models(USER_KEY)
    api.refuse_next = [Refusal(503, "database_unavailable", "The database is down.")]
    page.run()

    assert "The database is down" in page.error[0].value
    assert not page.info


def test_an_empty_list_says_what_to_do(open_models: Open, api: FakeApi) -> None:
    api.models = []

    assert "An administrator can pull one" in open_models(USER_KEY).info[0].value


def test_a_refused_pull_says_why(open_models: Open, api: FakeApi) -> None:
    page = open_models(ADMIN_KEY)
    api.sessions = dict.fromkeys(api.sessions, USER_KEY)
    page.text_input[0].set_value("tinyllama")
    page.button[0].click().run()

    assert "lacks the scope admin" in page.error[0].value


def test_a_pull_that_failed_says_why(
    open_models: Open, api: FakeApi, clock: Clock
) -> None:
    page = open_models(ADMIN_KEY)
    page.text_input[0].set_value("tinyllama")
    page.button[0].click().run()
    job = next(iter(api.jobs.values()))
    job.words, job.fails_after = ["x"], 1
    clock.advance(60)
    page.run()

    assert "out_of_memory" in page.error[0].value


def test_a_pull_that_waits_and_one_without_a_size_say_so(
    open_models: Open, api: FakeApi
) -> None:
    page = open_models(ADMIN_KEY)
    page.text_input[0].set_value("tinyllama")
    page.button[0].click().run()
    next(iter(api.jobs.values())).pace = Pace(queue_seconds=100)
    pull = {"job_id": "p", "status": "pulling manifest"}
    api.pulls.clear()
    api.models = [model("m:1", [], "pulling", None) | {"pull": pull}]
    page.run()

    assert "waits for a machine" in page.info[0].value
    assert page.get("progress")[0].proto.text == "pulling manifest"
