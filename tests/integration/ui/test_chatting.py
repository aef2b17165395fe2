"""What a person does with the UI, done by Debian's chromium against a fake API."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.fakes.api import ADMIN_KEY, USER_KEY, FakeApi, Pace
from tests.fakes.ui_server import UiServer
from tests.integration.ui.pages import ask, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

LAST_WORDS = "may say “coral”."


def answer(page: Page) -> str:
    return page.get_by_test_id("stChatMessage").last.inner_text()


def position(page: Page) -> str:
    (shown,) = re.findall(r"position \d+", answer(page))
    return str(shown)


def test_a_key_is_nowhere_but_in_the_one_form(page: Page, ui: UiServer) -> None:
    sign_in(page)
    ask(page, "hello")
    expect(page.get_by_text("Horses are").first).to_be_visible(timeout=20_000)

    stored = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    readable = page.evaluate("document.cookie")
    for place in (page.content(), page.url, stored, readable, ui.log.read_text()):
        assert USER_KEY not in place
    cookies = {c["name"]: c for c in page.context.cookies()}
    cookie = cookies["corral_session"]
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Strict"
    assert USER_KEY not in str(cookies)
    for place in (page.content(), page.url, stored, readable, ui.log.read_text()):
        assert cookie["value"] not in place


def test_an_answer_is_rendered_as_it_comes(page: Page) -> None:
    sign_in(page)
    ask(page, "What is a corral?")
    message = page.get_by_test_id("stChatMessage").last
    expect(message).to_contain_text("Horses are", timeout=20_000)
    early = answer(page)
    expect(message).to_contain_text(LAST_WORDS, timeout=20_000)

    assert LAST_WORDS not in early
    expect(message).to_contain_text("tokens/s", timeout=20_000)
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)
    assert "job=" in page.url


def test_a_reload_in_mid_answer_keeps_login_and_answer(page: Page) -> None:
    sign_in(page)
    ask(page, "long, please")
    message = page.get_by_test_id("stChatMessage").last
    expect(message).to_contain_text("Horses are", timeout=20_000)
    address = page.url
    page.reload()

    expect(message).to_contain_text("Horses are", timeout=20_000)
    expect(page.get_by_text("long, please").first).to_be_visible()
    assert page.url == address
    before = len(answer(page))
    page.wait_for_function(
        "n => [...document.querySelectorAll('[data-testid=stChatMessage]')]"
        ".at(-1).innerText.length > n + 30",
        arg=before,
    )


def test_a_widget_click_in_mid_answer_does_not_stop_it(page: Page) -> None:
    sign_in(page)
    ask(page, "What is a corral?")
    message = page.get_by_test_id("stChatMessage").last
    expect(message).to_contain_text("Horses are", timeout=20_000)
    page.get_by_role("button", name="Options").click()
    page.get_by_text("Think before answering").click()

    expect(message).to_contain_text(LAST_WORDS, timeout=20_000)
    expect(message).to_contain_text("tokens/s", timeout=20_000)


def test_stop_ends_the_job_and_keeps_the_text(page: Page, api: FakeApi) -> None:
    sign_in(page)
    ask(page, "long, please")
    message = page.get_by_test_id("stChatMessage").last
    expect(message).to_contain_text("Horses are", timeout=20_000)
    page.get_by_role("button", name="Stop").click()

    expect(message).to_contain_text("Stopped", timeout=20_000)
    expect(message).to_contain_text("Horses are")
    job = api.jobs[page.url.partition("job=")[2]]
    assert job.state(api.clock()) == "cancelled"
    ask(page, "go on")
    expect(page.get_by_test_id("stChatMessage")).to_have_count(4, timeout=20_000)


def test_a_waiting_job_has_one_stop_which_ends_it(page: Page, api: FakeApi) -> None:
    api.pace = Pace(queue_seconds=60)
    sign_in(page)
    ask(page, "hello")
    message = page.get_by_test_id("stChatMessage").last
    expect(message).to_contain_text("In the queue, position", timeout=20_000)
    expect(message).not_to_contain_text(position(page), timeout=20_000)
    stop = page.get_by_role("button", name="Stop")
    expect(stop).to_have_count(1)
    stop.click()

    expect(message).to_contain_text("Stopped", timeout=20_000)


def test_logout_ends_the_session_for_good(
    page: Page, api: FakeApi, ui: UiServer
) -> None:
    sign_in(page)
    expect(page.get_by_test_id("stChatInput")).to_be_visible(timeout=20_000)
    token = {c["name"]: c["value"] for c in page.context.cookies()}["corral_session"]
    page.get_by_role("button", name="Sign out").click()

    expect(page.get_by_role("status")).to_contain_text("You are signed out")
    assert token not in api.sessions
    assert "corral_session" not in {c["name"] for c in page.context.cookies()}
    page.goto(f"{ui.url}/?job=1")
    expect(page).to_have_url(re.compile("/login"))


def test_a_session_that_ended_elsewhere_leads_back_to_login(
    page: Page, api: FakeApi
) -> None:
    sign_in(page)
    expect(page.get_by_test_id("stChatInput")).to_be_visible(timeout=20_000)
    api.sessions.clear()
    page.reload()
    page.get_by_role("link", name="Sign in").click()

    expect(page.get_by_role("status")).to_contain_text("Your session has ended")
    sign_in(page)
    expect(page.get_by_test_id("stChatInput")).to_be_visible(timeout=20_000)


def test_a_chat_is_found_again_in_the_side_bar(page: Page, ui: UiServer) -> None:
    sign_in(page)
    ask(page, "Something to remember")
    expect(page.get_by_text("tokens/s").first).to_be_visible(timeout=20_000)
    address = page.url
    page.get_by_role("button", name="New chat").click()
    expect(page.get_by_text("What would you like to know?")).to_be_visible()
    expect(page).to_have_url(f"{ui.url}/")
    page.get_by_role("button", name="Something to remember").first.click()

    expect(page.get_by_test_id("stChatMessage").first).to_contain_text("remember")
    expect(page).to_have_url(address)


def test_a_pull_shows_its_progress_while_it_runs(page: Page, api: FakeApi) -> None:
    sign_in(page, ADMIN_KEY)
    page.get_by_role("button", name="Models").click()
    page.get_by_role("textbox", name="Download a model").fill("tinyllama")
    page.get_by_role("button", name="Download", exact=True).click()
    bar = page.get_by_role("progressbar")

    expect(bar).to_be_visible(timeout=20_000)
    expect(page.get_by_text(re.compile(r"of 522\.0 MB"))).to_be_visible()
    early = page.get_by_text(re.compile(r"of 522\.0 MB")).inner_text()
    expect(page.get_by_text(early)).to_have_count(0, timeout=20_000)
    api.pulls["tinyllama"] -= 60
    expect(bar).to_have_count(0, timeout=20_000)


def test_every_page_says_that_answers_are_simulated(page: Page) -> None:
    sign_in(page)
    note = page.get_by_role("note")

    expect(note).to_contain_text("simulated", timeout=20_000)
    page.get_by_role("button", name="Models").click()
    expect(page.get_by_role("heading", name="Models")).to_be_visible(timeout=20_000)
    expect(note).to_contain_text("simulated")


def test_a_model_cannot_make_the_browser_fetch_or_run_anything(
    page: Page, api: FakeApi
) -> None:
    fetched: list[str] = []
    page.on("request", lambda request: fetched.append(request.url))
    sign_in(page)
    ask(
        page,
        "![x](http://evil.example/leak.png) <img src=http://evil.example/y.png"
        " onerror=\"document.title='owned'\"> <script>document.title='owned'</script>",
    )
    expect(page.get_by_text("tokens/s").first).to_be_visible(timeout=20_000)

    assert not [url for url in fetched if "evil" in url]
    assert page.title() == "Corral"
