"""There always is somebody who may administrate."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask

from backend.api.container import Services
from backend.core.accounts.roles import Role
from backend.core.keys import Scope
from backend.core.models import User
from tests.integration.api.caller import Api, make_key
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


def test_of_two_who_disable_each_other_one_stays(
    app: Flask, root: Api, services: Services
) -> None:
    for _ in range(5):
        make_user(services, "other", role=Role.ADMIN)
        users = [services.accounts.users.named(n) for n in ("root", "other")]
        key = make_key(services, "admin", Scope.ADMIN)
        apis = [Api(app.test_client(), key) for _ in users]

        def disable(pair: tuple[Api, User]) -> int:
            reply = pair[0]("PATCH", path(pair[1]), json={"disabled": True})
            return reply.status_code

        with ThreadPoolExecutor(2) as pool:
            codes = sorted(pool.map(disable, zip(apis, users, strict=True)))

        assert codes == [200, 409]
        for user in users:
            admin = Api(app.test_client(), key)
            admin("PATCH", path(user), json={"disabled": False})
        assert Api(app.test_client(), key)("DELETE", path(users[1])).status_code == 204
