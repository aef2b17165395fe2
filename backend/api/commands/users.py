"""`corral users`: who may log in, and as what."""

import sys
from typing import Any

import click

from backend.api.commands.bound_options import (
    ALL_MODELS,
    bound_options,
    bounds_of,
    limits_told,
)
from backend.api.commands.wiring import platform
from backend.api.container import Services
from backend.core.accounts.change import UserChange
from backend.core.accounts.roles import Role
from backend.core.models import User

# Who changed a user by the command line, in the audit log.
_ACTOR = "command line"
_ROLE = click.Choice([role.value for role in Role])


@click.group()
def users() -> None:
    """Make and list users, change their passwords, roles and limits, disable them.

    A password is asked for, or read as a line of standard input; it is never an
    argument, which everybody on the machine could see.
    """


@users.command()
@click.argument("name")
@click.option("--role", type=_ROLE, default=Role.USER.value, show_default=True)
def create(name: str, *, role: str) -> None:
    """Make a user."""
    password = _password()
    with platform() as services:
        services.accounts.users.create(
            name, role=Role(role), password=password, actor=_ACTOR
        )
    click.echo(f"{name} can log in now.")


@users.command("list")
def list_all() -> None:
    """List the users."""
    with platform() as services:
        found = services.accounts.users.list_all()
    for user in found:
        click.echo(
            f"{user.id:>4}  {user.name:<24} {user.role:<8} {_standing(user)}"
            f" {limits_told(user)}".rstrip()
        )


@users.command()
@click.argument("name")
def passwd(name: str) -> None:
    """Give a user another password; its sessions end."""
    _change(name, UserChange(password=_password()))
    click.echo(f"{name} has another password.")


@users.command()
@click.argument("name")
@click.argument("role", type=_ROLE)
def role(name: str, role: str) -> None:
    """Give a user another role; it counts at once, for its keys, too."""
    _change(name, UserChange(role=Role(role)))
    click.echo(f"{name} is {role} now.")


@users.command()
@click.argument("name")
@ALL_MODELS
@bound_options
def limit(name: str, **given: Any) -> None:  # options as above
    """Bound what a user may do with all keys and log-ins together, at once.

    What is not given stays. Weights of keys are multiplied by the user's.
    """
    _change(name, UserChange(bounds=bounds_of(given)))
    click.echo(f"{name} has other limits.")


@users.command()
@click.argument("name")
def disable(name: str) -> None:
    """Keep a user out, at once, with all its keys."""
    _change(name, UserChange(disabled=True))
    click.echo(f"{name} is disabled.")


@users.command()
@click.argument("name")
def enable(name: str) -> None:
    """Let a user in again."""
    _change(name, UserChange(disabled=False))
    click.echo(f"{name} is enabled.")


@users.command()
@click.argument("name")
def delete(name: str) -> None:
    """Delete a user who owns nothing."""
    with platform() as services:
        services.accounts.users.delete(_id(services, name), actor=_ACTOR)
    click.echo(f"{name} is deleted.")


def _change(name: str, change: UserChange) -> None:
    with platform() as services:
        services.accounts.users.change(_id(services, name), change, actor=_ACTOR)


def _id(services: Services, name: str) -> int:
    return services.accounts.users.named(name).id


def _password() -> str:
    if _is_terminal():
        text: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
        return text
    return sys.stdin.readline().rstrip("\r\n")


def _is_terminal() -> bool:
    return sys.stdin.isatty()


def _standing(user: User) -> str:
    if user.disabled_at is not None:
        return "disabled"
    return "active" if user.password_hash is not None else "no password"
