from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from tests.fakes.api import FakeApi, Pace
from tests.fakes.ui_page import Clock, said

OpenPage = Callable[..., AppTest]


def ask(page: AppTest, prompt: str) -> AppTest:
    return page.chat_input[0].set_value(prompt).run()


def job_in_address(page: AppTest) -> str:
    value = page.query_params["job"]
    return value[0] if isinstance(value, list) else str(value)


def test_only_models_that_can_chat_are_offered_the_loaded_one_first(
    open_page: OpenPage,
) -> None:
    page = open_page()

    offered = [option.split()[0] for option in page.selectbox[0].options]
    assert offered == ["qwen3:0.6b", "gemma3:4b", "llama3.3:70b"]


def test_a_prompt_becomes_a_job_that_the_address_names(
    open_page: OpenPage, api: FakeApi
) -> None:
    page = ask(open_page(), "What is a corral?")

    assert not page.exception
    assert job_in_address(page) in api.jobs
    body = api.bodies[0]
    assert body["model"] == "qwen3:0.6b"
    assert body["request"]["messages"] == [
        {"role": "user", "content": "What is a corral?"}
    ]
    assert body["metadata"]["title"] == "What is a corral?"


def test_a_waiting_job_shows_its_position_and_cannot_be_talked_over(
    open_page: OpenPage, api: FakeApi
) -> None:
    api.pace = Pace(queue_seconds=2.5)
    page = ask(open_page(), "hello")

    assert "position 3" in said(page)
    assert page.chat_input[0].disabled


def test_a_loading_model_shows_how_far_it_is(
    open_page: OpenPage, api: FakeApi, clock: Clock
) -> None:
    api.pace = Pace(load_seconds=10)
    page = ask(open_page(), "hello")
    clock.advance(5)
    page.run()

    assert page.get("progress")[0].proto.value == 50
    assert page.get("progress")[0].proto.text == "Loading the model"


def test_text_is_shown_as_it_comes(
    open_page: OpenPage, api: FakeApi, clock: Clock
) -> None:
    api.pace = Pace(tokens_per_second=1)
    page = ask(open_page(), "hello")
    clock.advance(1)
    page.run()
    first = said(page)
    clock.advance(3)
    page.run()

    assert "Horses" in first
    assert "Horses are" not in first
    assert "Horses are kept in a **c" in said(page)


def test_a_page_that_is_opened_in_mid_answer_shows_what_there_is(
    open_page: OpenPage, api: FakeApi, clock: Clock
) -> None:
    api.pace = Pace(tokens_per_second=1)
    job = job_in_address(ask(open_page(), "hello"))
    clock.advance(3)
    page = open_page(job=job)

    assert "Horses are kept" in said(page)
    assert page.chat_input[0].disabled


def test_a_finished_answer_says_who_gave_it_and_how_fast(
    open_page: OpenPage, clock: Clock
) -> None:
    page = ask(open_page(), "please think")
    clock.advance(5)
    page.run()

    assert "They feel safe" in said(page)
    assert "tokens/s" in said(page)
    assert [box.label for box in page.expander] == ["Thinking"]
    assert not page.chat_input[0].disabled


def test_the_next_message_carries_the_conversation(
    open_page: OpenPage, api: FakeApi, clock: Clock
) -> None:
    page = ask(open_page(), "first")
    clock.advance(5)
    page = ask(page.run(), "second")

    messages = api.bodies[1]["request"]["messages"]
    assert [m["role"] for m in messages] == ["user", "assistant", "user"]
    assert messages[2]["content"] == "second"
    first, second = (body["metadata"] for body in api.bodies)
    assert first == second


def test_a_chat_is_rebuilt_from_its_last_job_alone(
    open_page: OpenPage, clock: Clock
) -> None:
    page = ask(open_page(), "first")
    clock.advance(5)
    page = ask(page.run(), "second")
    clock.advance(5)
    reloaded = open_page(job=job_in_address(page))

    assert len(reloaded.chat_message) == 4
    assert "first" in said(reloaded)
    assert "second" in said(reloaded)


def test_stop_cancels_the_job_and_keeps_what_had_come(
    open_page: OpenPage, api: FakeApi, clock: Clock
) -> None:
    api.pace = Pace(tokens_per_second=1)
    page = ask(open_page(), "hello")
    clock.advance(3)
    page.run()
    stop = next(button for button in page.button if button.label == "Stop")
    stop.click().run()

    assert api.jobs[job_in_address(page)].cancelled is not None
    page.run()
    assert "Stopped" in said(page)
    assert "Horses are kept" in said(page)


def test_a_failed_job_says_why_and_what_to_do(
    open_page: OpenPage, clock: Clock
) -> None:
    page = ask(open_page(), "will fail")
    clock.advance(5)
    page.run()

    assert "out_of_memory" in page.error[0].value
    assert "Pick a smaller one" in page.error[0].value
    assert "4 attempts" in page.error[0].value
    assert "Horses" in said(page)


def test_a_failed_job_can_be_asked_again(
    open_page: OpenPage, api: FakeApi, clock: Clock
) -> None:
    page = ask(open_page(), "will fail")
    clock.advance(5)
    page.run()
    again = next(button for button in page.button if button.label == "Try again")
    again.click().run()

    assert api.bodies[1] == api.bodies[0]
    assert len(api.jobs) == 2


def test_an_answer_that_started_over_says_so_and_shows_only_the_new_text(
    open_page: OpenPage, api: FakeApi, clock: Clock
) -> None:
    api.pace = Pace(tokens_per_second=1)
    page = ask(open_page(), "restart, please")
    clock.advance(8)
    page.run()
    before = said(page)
    clock.advance(5)
    page.run()

    assert "**corral" in before
    assert "start over" in said(page)
    assert "Horses are k" in said(page)
    assert "**corral" not in said(page)


def test_instructions_go_first_and_come_back_with_the_chat(
    open_page: OpenPage, api: FakeApi, clock: Clock
) -> None:
    page = open_page()
    page.text_area[0].set_value("Be short.").run()
    page = ask(page, "hello")
    clock.advance(5)

    assert api.bodies[0]["request"]["messages"][0] == {
        "role": "system",
        "content": "Be short.",
    }
    reloaded = open_page(job=job_in_address(page))
    assert reloaded.text_area[0].value == "Be short."


def test_thinking_is_asked_for_only_where_the_model_can(
    open_page: OpenPage, api: FakeApi
) -> None:
    page = open_page()
    page.toggle[0].set_value(False).run()
    ask(page, "hello")
    page = open_page()
    page.selectbox[0].set_value("gemma3:4b").run()
    ask(page, "hello")

    assert api.bodies[0]["request"]["think"] is False
    assert "think" not in api.bodies[1]["request"]
