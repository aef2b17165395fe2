"""Users, for administrators."""

from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response

from backend.api.answers import answer, listed, nothing
from backend.api.auth import caller
from backend.api.bodies import read_body
from backend.api.container import services
from backend.api.limits_view import limits_of_user
from backend.api.schemas.accounts import ChangedUser, NewUser
from backend.api.schemas.views.users import AccountView
from backend.core.account_errors import UserNotFoundError
from backend.core.accounts.change import UserChange
from backend.core.accounts.roles import Role
from backend.core.accounts.users import Users
from backend.core.models import User

# What a database can number. As a converter's maximum it would answer 405.
_LARGEST = 2**63 - 1
_USER = "/<int:user_id>"

blueprint = Blueprint("users", __name__, url_prefix="/api/v1/users")


@blueprint.get("")
def list_users() -> Response:
    """List all users."""
    return listed([_view(user) for user in _users().list_all()])


@blueprint.post("")
def create() -> Response:
    """Make a user."""
    body = read_body(NewUser)
    user = _users().create(
        body.name,
        role=Role(body.role),
        password=body.password,
        bounds=body.bounds(),
        actor=caller().user_name,
    )
    return answer(_view(user), HTTPStatus.CREATED)


@blueprint.get(_USER)
def get(user_id: int) -> Response:
    """Show a user, its limits and what is left of them now."""
    user = _users().get(_id(user_id))
    return answer(_view(user) | {"limits": limits_of_user(services(), user)})


@blueprint.patch(_USER)
def change(user_id: int) -> Response:
    """Change a user's role, password or limits, disable or enable it, at once."""
    body = read_body(ChangedUser)
    wanted = UserChange(
        role=None if body.role is None else Role(body.role),
        disabled=body.disabled,
        password=body.password,
        bounds=body.bounds(),
    )
    return answer(
        _view(_users().change(_id(user_id), wanted, actor=caller().user_name))
    )


@blueprint.delete(_USER)
def delete(user_id: int) -> Response:
    """Delete a user who owns nothing; others can be disabled."""
    _users().delete(_id(user_id), actor=caller().user_name)
    return nothing()


def _id(user_id: int) -> int:
    if user_id > _LARGEST:
        raise UserNotFoundError
    return user_id


def _users() -> Users:
    return services().accounts.users


def _view(user: User) -> dict[str, Any]:
    has_password = user.password_hash is not None
    shown = {"has_password": has_password}
    return {n: shown.get(n, getattr(user, n, None)) for n in AccountView.model_fields}
