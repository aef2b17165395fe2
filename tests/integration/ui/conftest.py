"""The real UI in Debian's chromium, against a fake API."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.fakes.api import FakeApi, Pace
from tests.fakes.api_server import FakeApiServer
from tests.fakes.ui_server import UiServer

# What makes chromium quiet and keeps it from calling home.
CHROMIUM = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# An answer has 33 tokens: slow enough to look at, quick enough for a test.
PACE = Pace(tokens_per_second=12)


@pytest.fixture(scope="module")
def api() -> FakeApi:
    return FakeApi(pace=PACE)


@pytest.fixture(scope="module")
def ui(api: FakeApi, tmp_path_factory: pytest.TempPathFactory) -> Iterator[UiServer]:
    folder = tmp_path_factory.mktemp("ui")
    with FakeApiServer(api) as server, UiServer(folder, server.url) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=CHROMIUM
        )
        yield running
        running.close()


@pytest.fixture
def context(browser: Browser, api: FakeApi) -> Iterator[BrowserContext]:
    api.pace = PACE
    opened = browser.new_context()
    opened.set_default_timeout(20_000)
    yield opened
    opened.close()


@pytest.fixture
def page(context: BrowserContext, ui: UiServer) -> Page:
    page = context.new_page()
    page.goto(ui.url)
    return page
