from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from tests.fakes.api import FakeApi, Pace, Refusal
from tests.fakes.ui_page import Clock, said

OpenPage = Callable[..., AppTest]


def ask(page: AppTest, prompt: str) -> AppTest:
    return page.chat_input[0].set_value(prompt).run()


def job_in_address(page: AppTest) -> str:
    value = page.query_params["job"]
    return value[0] if isinstance(value, list) else str(value)


def test_a_refused_message_is_kept_and_can_be_sent_again(
    open_page: OpenPage, api: FakeApi
) -> None:
    page = open_page()
    page.chat_input[0].set_value("precious words")
    api.refuse_next = []
    original = api._submit

    def refuse(body: object, key: str) -> None:
        raise Refusal(503, "queue_unavailable", "The queue cannot be reached.")

    api._submit = refuse  # type: ignore[assignment]  # a fault, for one call
    page.run()
    api._submit = original  # type: ignore[method-assign]  # the fault is over

    assert "precious words" in said(page)
    assert "The queue cannot be reached" in page.error[0].value
    button = next(button for button in page.button if button.label == "Send again")
    button.click().run()
    assert job_in_address(page) in api.jobs
    assert not page.error


def test_somebody_elses_chat_is_not_found_and_says_what_to_do(
    open_page: OpenPage,
) -> None:
    page = open_page(job="0199-not-mine")

    assert "There is no such job" in page.error[0].value
    assert "Start a new chat" in page.error[0].value


def test_a_chat_whose_text_is_gone_says_so(
    open_page: OpenPage, api: FakeApi, clock: Clock
) -> None:
    page = ask(open_page(), "first")
    clock.advance(5)
    job = job_in_address(page)
    api.jobs[job].keeps_payload = False
    page = open_page(job=job)

    assert "not kept any more" in said(page)


def test_with_no_model_yet_the_running_pull_is_shown(
    open_page: OpenPage, api: FakeApi, clock: Clock
) -> None:
    api.models = [m for m in api.models if "embedding" in m["capabilities"]]
    api.pulls["qwen3:0.6b"] = clock.now
    clock.advance(15)
    page = open_page()

    assert "No model that can chat" in page.info[0].value
    assert page.get("progress")[0].proto.value == 50
    assert not page.chat_input


def test_an_api_that_goes_away_in_mid_answer_is_waited_for(
    open_page: OpenPage, api: FakeApi, clock: Clock
) -> None:
    api.pace = Pace(tokens_per_second=1)
    page = ask(open_page(), "hello")
    clock.advance(3)
    page.run()
    original = api._tokens

    def refuse(job: object, request: object) -> None:
        raise Refusal(503, "draining", "The API restarts.")

    api._tokens = refuse  # type: ignore[assignment]  # a fault, for one run
    page.run()
    api._tokens = original  # type: ignore[method-assign]  # the fault is over

    assert "tries again" in page.warning[0].value
    assert "Horses are kept" in said(page)
    clock.advance(1)
    page.run()
    assert not page.warning
