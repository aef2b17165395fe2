"""People with passwords, for tests of the API."""

from werkzeug.test import TestResponse

from backend.api.container import Services
from backend.api.schemas.views.users import AccountView
from backend.core.accounts.roles import Role
from backend.core.models import User
from tests.integration.api.caller import Api

PASSWORD = "correct horse battery"


def make_user(services: Services, name: str, *, role: Role = Role.USER) -> User:
    users = services.accounts.users
    return users.create(name, role=role, password=PASSWORD, actor="test")


def log_in(api: Api, name: str, password: str = PASSWORD) -> TestResponse:
    body = {"user": name, "password": password}
    return api.with_key(None).post("/api/v1/sessions", json=body)


def login_of(services: Services, api: Api, name: str, *, role: Role = Role.USER) -> Api:
    """Make a user and log in as it."""
    make_user(services, name, role=role)
    opened = log_in(api, name)
    assert opened.json is not None
    return api.with_key(opened.json["token"])


def path(user: User | AccountView) -> str:
    return f"/api/v1/users/{user.id}"
