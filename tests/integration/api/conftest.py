from collections.abc import Iterator
from functools import partial

import pytest
from argon2.profiles import CHEAPEST
from click.testing import CliRunner, Result
from flask import Flask

from backend.api import create_app
from backend.api.cli import commands
from backend.api.container import Services, close
from backend.core.accounts import service
from backend.core.accounts.passwords import Passwords
from backend.core.accounts.roles import Role
from backend.core.catalogue import SeenModel
from backend.core.db import Database
from backend.core.keys import Scope
from backend.core.settings import Settings
from tests.factories import empty, open_test_database, settings_for
from tests.fakes.worker import FakeWorker
from tests.integration.api.caller import Api, MakeCaller, make_key
from tests.integration.api.cli_runs import ADMIN_KEY, Run
from tests.integration.api.people import login_of
from tests.servers import RedisServer

LANES = ("gen:tiny-chat:latest", "gen:tiny-embed:latest")
MODELS = (
    SeenModel("tiny-chat:latest", "sha256:1", 1_000, ("completion",), 2_048),
    SeenModel("tiny-tools:latest", "sha256:2", 2_000, ("completion", "tools"), 2_048),
    SeenModel("tiny-embed:latest", "sha256:3", 3_000, ("embedding",), 512),
    SeenModel("tiny-new:latest", "sha256:4", 4_000, None, None),
)


@pytest.fixture(scope="session")
def settings(database_url: str, redis_server: RedisServer) -> Settings:
    return settings_for(
        database_url, redis_url=redis_server.url(), max_prompt_chars=10_000
    )


@pytest.fixture(scope="session")
def shared_database(database_url: str) -> Iterator[Database]:
    database = open_test_database(database_url, connections=20)
    yield database
    database.dispose()


@pytest.fixture(scope="session")
def shared_app(settings: Settings) -> Iterator[Flask]:
    with pytest.MonkeyPatch.context() as patch:
        # A password at its full price is a tenth of a second; one test pays it.
        cheap = partial(Passwords, parameters=CHEAPEST)
        patch.setattr(service, "Passwords", cheap)
        app = create_app(settings)
    yield app
    close(app.extensions["corral"])


@pytest.fixture
def database(shared_database: Database, redis_url: str) -> Database:
    """Give a database without rows, beside a Redis without keys."""
    empty(shared_database)
    return shared_database


@pytest.fixture
def app(shared_app: Flask, database: Database) -> Flask:
    """Give the application; making it anew would take longer than most tests."""
    services: Services = shared_app.extensions["corral"]
    services.catalogue.record_installed("local", MODELS)
    return shared_app


@pytest.fixture
def services(app: Flask) -> Services:
    found: Services = app.extensions["corral"]
    return found


@pytest.fixture
def ann(app: Flask, services: Services) -> Api:
    return Api(app.test_client(), make_key(services, "ann"))


@pytest.fixture
def bob(app: Flask, services: Services) -> Api:
    return Api(app.test_client(), make_key(services, "bob"))


@pytest.fixture
def admin(app: Flask, services: Services) -> Api:
    return Api(app.test_client(), make_key(services, "admin", *Scope))


@pytest.fixture
def root(app: Flask, services: Services) -> Api:
    """Give an administrator who logged in."""
    nobody = Api(app.test_client(), None)
    return login_of(services, nobody, "root", role=Role.ADMIN)


@pytest.fixture
def limited(app: Flask, services: Services) -> MakeCaller:
    def make(**limits: int) -> Api:
        return Api(app.test_client(), make_key(services, "dan", **limits))

    return make


@pytest.fixture
def worker(settings: Settings, database: Database) -> Iterator[FakeWorker]:
    with FakeWorker(settings, database, lanes=LANES) as worker:
        yield worker


@pytest.fixture
def environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give commands the environment of a server."""
    url = settings.database_url.get_secret_value()
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setenv("REDIS_URL", settings.redis_url.get_secret_value())
    monkeypatch.setenv("CORRAL_ADMIN_KEY", ADMIN_KEY)
    monkeypatch.delenv("CORRAL_ADMIN_PASSWORD", raising=False)


@pytest.fixture
def run(services: Services, environment: None) -> Run:
    """Run commands as an operator types them."""

    def invoke(*words: str, stdin: str | None = None) -> Result:
        return CliRunner().invoke(commands, list(words), input=stdin)

    return invoke
