"""`corral doctor`: what is wrong, and what to do about it."""

import os
from collections.abc import Callable
from dataclasses import dataclass

import click
import redis

from backend.api.blocked_patterns import BlockedPatterns
from backend.api.commands.wiring import platform
from backend.api.container import Services
from backend.core.errors import AppError
from backend.core.schema import missing_revisions
from backend.core.settings import SettingsError, unknown_names


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: what was seen, and what to do if it is not well."""

    name: str
    fine: bool
    seen: str
    advice: str = ""


# Nothing could be asked if a setting were wrong.
_VALID = Finding("settings", fine=True, seen="valid, no example values")


@click.command()
def doctor() -> None:
    """Check settings, database, Redis, workers and Ollama; say what to do."""
    findings = list(_findings())
    for one in findings:
        click.echo(f"{'ok  ' if one.fine else 'FAIL'}  {one.name}: {one.seen}")
        if not one.fine and one.advice:
            click.echo(f"      {one.advice}")
    if not all(one.fine for one in findings):
        raise SystemExit(1)


def _findings() -> list[Finding]:
    names = unknown_names(os.environ)
    found = [
        Finding(
            "names",
            not names,
            ", ".join(names) or "no misspelt settings",
            "No setting has such a name; .env.example lists them all.",
        )
    ]
    try:
        # The misspelt names were told already.
        with platform({}) as services:
            return [*found, _VALID, *(check(services) for check in _CHECKS)]
    except SettingsError as error:
        advice = "Correct them in .env; `make up` writes one with generated secrets."
        return [*found, Finding("settings", fine=False, seen=str(error), advice=advice)]


def _limits(services: Services) -> Finding:
    """Check what only the API's process would find out when it starts."""
    settings = services.settings
    try:
        blocked = BlockedPatterns.load(settings.blocked_patterns_file)
    except SettingsError as error:
        advice = "The API does not start with it."
        return Finding("limits", fine=False, seen=str(error), advice=advice)
    # In base64 an image is a third larger.
    largest = settings.max_body_bytes // 4 * 3
    pages = ", ".join(settings.cors_allowed_origins) or "none"
    return Finding(
        "limits",
        settings.max_image_bytes <= largest,
        f"{len(blocked.patterns)} blocked patterns; pages that may call: {pages};"
        f" images up to {settings.max_image_bytes} bytes",
        f"MAX_BODY_BYTES lets images of {largest} bytes through at most: change one.",
    )


def _database(services: Services) -> Finding:
    try:
        missing = missing_revisions(services.database)
    except AppError as error:
        advice = "Look at DATABASE_URL, and whether the database runs."
        return Finding("database", fine=False, seen=error.detail, advice=advice)
    if missing:
        seen = f"the schema lacks {', '.join(missing)}"
        return Finding(
            "database", fine=False, seen=seen, advice="Run `corral migrate`."
        )
    return Finding("database", fine=True, seen="answers, schema up to date")


def _redis(services: Services) -> Finding:
    try:
        info = services.redis.info("server")
        policy = services.redis.config_get("maxmemory-policy")
    except redis.RedisError as error:
        advice = "Look at REDIS_URL and its password, and whether Redis runs."
        return Finding("redis", fine=False, seen=str(error), advice=advice)
    evicts = policy.get("maxmemory-policy") not in (None, "noeviction")
    seen = f"answers, version {info.get('redis_version')}"
    return Finding(
        "redis",
        not evicts,
        f"{seen}, {policy.get('maxmemory-policy')}",
        "It may drop tickets and streams: set maxmemory-policy noeviction.",
    )


def _workers(services: Services) -> Finding:
    try:
        nodes = services.cluster.by_node()
    except redis.RedisError:
        return Finding("workers", fine=False, seen="unknown, since Redis is away")
    seen = ", ".join(f"{node} ({len(nodes[node])})" for node in sorted(nodes))
    advice = "Start one: `docker compose up worker`, or look at its log."
    return Finding("workers", bool(nodes), seen or "none is running", advice)


def _ollama(services: Services) -> Finding:
    try:
        nodes = services.cluster.by_node()
    except redis.RedisError:
        return Finding("ollama", fine=False, seen="unknown, since Redis is away")
    bad = [n for n, seen in nodes.items() if not any(s.ollama_ok for s in seen)]
    versions = sorted({s.ollama_version or "?" for w in nodes.values() for s in w})
    if bad or not nodes:
        seen = f"no answer on {', '.join(bad)}" if bad else "no node to ask"
        advice = "Look at OLLAMA_BASE_URL of that node's workers."
        return Finding("ollama", fine=False, seen=seen, advice=advice)
    return Finding("ollama", fine=True, seen=f"answers, version {', '.join(versions)}")


_CHECKS: tuple[Callable[[Services], Finding], ...] = (
    _limits,
    _database,
    _redis,
    _workers,
    _ollama,
)
