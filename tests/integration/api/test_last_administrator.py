"""There always is somebody who may administrate."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from backend.api.container import Services
from backend.core.account_errors import LastAdministratorError
from backend.core.accounts.change import UserChange
from backend.core.accounts.roles import Role
from backend.core.models import User
from tests.integration.api.caller import Api
from tests.integration.api.people import make_user, path
from tests.integration.api.test_access import code_of

NEW = "a new one for her"


@pytest.mark.parametrize(
    ("method", "body"),
    [
        ("PATCH", {"role": "user"}),
        ("PATCH", {"disabled": True}),
        ("PATCH", {"role": "viewer", "disabled": True, "password": NEW}),
        ("DELETE", None),
    ],
)
def test_the_last_administrator_stays(
    root: Api, services: Services, method: str, body: Any
) -> None:
    user = services.accounts.users.named("root")
    gone = make_user(services, "gone", role=Role.ADMIN)
    root("PATCH", path(gone), json={"disabled": True})

    reply = root(method, path(user), json=body)

    assert code_of(reply) == (409, "last_administrator")
    assert root.get("/api/v1/me").json["user"]["role"] == "admin"
    assert root("PATCH", path(gone), json={"role": "user"}).status_code == 200


def test_of_two_who_disable_each_other_one_stays(services: Services) -> None:
    users = services.accounts.users
    pair = [make_user(services, name, role=Role.ADMIN) for name in ("one", "other")]

    def disable(user: User) -> bool:
        try:
            users.change(user.id, UserChange(disabled=True), actor="test")
        except LastAdministratorError:
            return False
        return True

    for _ in range(5):
        with ThreadPoolExecutor(2) as pool:
            done = sorted(pool.map(disable, pair))

        assert done == [False, True]
        for user in pair:
            users.change(user.id, UserChange(disabled=False), actor="test")
