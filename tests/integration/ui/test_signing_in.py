"""Signing in by a password or a key, and changing the password, in a real browser."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.fakes.api import FakeApi
from tests.fakes.api_accounts import ADMIN_NAME, PASSWORD, USER_NAME, FakeAccounts
from tests.fakes.ui_server import UiServer
from tests.integration.ui.pages import ask, log_in, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

NEW = "quite another one"


@pytest.fixture(autouse=True)
def _usual_passwords(api: FakeApi) -> Iterator[None]:
    yield
    api.accounts = FakeAccounts()


def test_a_name_and_a_password_open_the_chat_and_the_side_bar_says_who(
    page: Page, ui: UiServer
) -> None:
    log_in(page, ADMIN_NAME)

    expect(page.get_by_test_id("stChatInput")).to_be_visible(timeout=20_000)
    account = page.locator(".corral-account")
    expect(account).to_contain_text("ada")
    expect(account).to_contain_text("Administrator")


def test_everything_can_be_done_by_keyboard(page: Page) -> None:
    expect(page.get_by_label("User name")).to_be_focused()
    page.keyboard.type(USER_NAME)
    page.keyboard.press("Tab")
    expect(page.get_by_label("Password")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_label("API key")).to_be_focused()
    page.get_by_label("Password").focus()
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")

    expect(page.get_by_test_id("stChatInput")).to_be_visible(timeout=20_000)


def test_browsers_know_what_the_fields_are_for(page: Page) -> None:
    name, password = page.get_by_label("User name"), page.get_by_label("Password")

    expect(name).to_have_attribute("autocomplete", "username")
    expect(name).to_have_attribute("autocapitalize", "none")
    expect(password).to_have_attribute("autocomplete", "current-password")
    expect(password).to_have_attribute("type", "password")
    expect(page.get_by_label("API key")).to_be_hidden()


def test_a_wrong_password_is_told_keeps_the_name_and_waits_for_another(
    page: Page, ui: UiServer
) -> None:
    log_in(page, password="wrong password")

    expect(page.get_by_role("alert")).to_contain_text("User name or password is wrong")
    expect(page).to_have_title("User name or password is wrong · Corral")
    expect(page.get_by_label("User name")).to_have_value(USER_NAME)
    password = page.get_by_label("Password")
    expect(password).to_be_focused()
    expect(password).to_have_value("")
    expect(password).to_have_accessible_description(re.compile("capitals count"))
    assert page.url == f"{ui.url}/login"
    assert page.context.cookies() == []
    log_in(page)
    expect(page.get_by_test_id("stChatInput")).to_be_visible(timeout=20_000)


def test_a_wrong_key_is_told_and_the_page_stays(page: Page, ui: UiServer) -> None:
    sign_in(page, "corral-wrong")

    expect(page.get_by_role("alert")).to_contain_text("This key is not known")
    expect(page.get_by_label("API key")).to_be_focused()
    assert page.url == f"{ui.url}/login"
    assert page.context.cookies() == []


def test_a_password_is_nowhere_but_in_the_one_form(page: Page, ui: UiServer) -> None:
    log_in(page)
    ask(page, "hello")
    expect(page.get_by_text("Horses are").first).to_be_visible(timeout=20_000)

    stored = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    readable = page.evaluate("document.cookie")
    cookies = str(page.context.cookies())
    log = ui.log.read_text()
    for place in (page.content(), page.url, stored, readable, cookies, log):
        assert PASSWORD not in place


def test_ones_password_is_changed_on_its_own_page(page: Page, api: FakeApi) -> None:
    log_in(page)
    page.get_by_role("link", name="Change password").click()
    expect(page.get_by_role("heading")).to_have_text("Change your password")
    page.get_by_label("Your password until now").fill(PASSWORD)
    page.get_by_label("Your new password").fill(NEW)
    page.get_by_label("The new password once more").fill("something else")
    page.get_by_role("button", name="Change it").click()

    expect(page.get_by_role("alert")).to_contain_text("The new passwords differ")
    expect(page.get_by_label("The new password once more")).to_be_focused()
    page.get_by_label("Your password until now").fill(PASSWORD)
    page.get_by_label("Your new password").fill(NEW)
    page.get_by_label("The new password once more").fill(NEW)
    page.get_by_role("button", name="Change it").click()
    expect(page.get_by_role("status")).to_contain_text("Your password is changed")
    assert api.accounts.passwords[USER_NAME] == NEW
    page.get_by_role("link", name="Back to the chat").click()
    expect(page.get_by_test_id("stChatInput")).to_be_visible(timeout=20_000)
