"""What people do on the UI's pages."""

from playwright.sync_api import Page, expect

from tests.fakes.api import USER_KEY
from tests.fakes.api_accounts import PASSWORD, USER_NAME


def sign_in(page: Page, key: str = USER_KEY) -> None:
    if not page.get_by_label("API key").is_visible():
        page.get_by_text("Use an API key instead").click()
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Sign in with this key").click()


def log_in(page: Page, user: str = USER_NAME, password: str = PASSWORD) -> None:
    page.get_by_label("User name").fill(user)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def ask(page: Page, prompt: str) -> None:
    box = page.get_by_test_id("stChatInput").get_by_role("textbox")
    expect(box).to_be_enabled(timeout=20_000)
    box.fill(prompt)
    box.press("Enter")
