import pytest

from backend.core.accounts.change import UserChange, takes_an_administrator, told
from backend.core.accounts.roles import Role


@pytest.mark.parametrize(
    ("change", "takes"),
    [
        (UserChange(), False),
        (UserChange(password="x"), False),
        (UserChange(role=Role.ADMIN), False),
        (UserChange(disabled=False), False),
        (UserChange(role=Role.USER), True),
        (UserChange(disabled=True), True),
        (UserChange(role=Role.ADMIN, disabled=True), True),
    ],
)
def test_who_stops_being_an_administrator(change: UserChange, *, takes: bool) -> None:
    assert takes_an_administrator(change, role="admin", disabled=False) is takes
    assert not takes_an_administrator(change, role="admin", disabled=True)
    assert not takes_an_administrator(change, role="user", disabled=False)


def test_only_what_changes_is_told_and_never_a_password() -> None:
    change = UserChange(Role.USER, disabled=True, password="secret")

    assert told(change, {"role": "viewer", "disabled": False}) == {
        "role": ["viewer", "user"],
        "disabled": True,
        "new_password": True,
    }
    assert told(change, {"role": "user", "disabled": True}) == {"new_password": True}
    assert told(UserChange(), {"role": "user", "disabled": False}) == {}
    limits = UserChange(bounds={"rpm": None, "tpm": 5, "weight": 1.0})
    before = {"role": "user", "disabled": False, "rpm": 5, "tpm": 5, "weight": 2.0}
    assert told(limits, before) == {"rpm": None, "weight": 1.0}
