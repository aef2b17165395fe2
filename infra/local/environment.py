"""Make the environment of a demo's processes, and keep its secrets between runs."""

import secrets
from collections.abc import Mapping

from infra.local import env_file
from infra.local.folder import DemoFolder
from infra.local.parts import Ports, Upstream

# Ctrl-C should feel like an end: an answer that runs is handed back, not waited for.
DRAIN = {"WORKER_DRAIN_TIMEOUT": "3s", "API_DRAIN_TIMEOUT": "1s"}


def client_values(ports: Ports, folder: DemoFolder) -> dict[str, str]:
    """Return what a client needs; secrets of an earlier run stay, as its data do."""
    before = env_file.read(folder.env)
    key = before.get("CORRAL_API_KEY") or f"corral-{secrets.token_urlsafe(32)}"
    password = before.get("CORRAL_ADMIN_PASSWORD") or secrets.token_urlsafe(12)
    return {
        "CORRAL_BASE_URL": f"http://127.0.0.1:{ports.api}",
        "CORRAL_API_KEY": key,
        "CORRAL_UI_URL": f"http://127.0.0.1:{ports.ui}",
        "CORRAL_ADMIN_USER": "admin",
        "CORRAL_ADMIN_PASSWORD": password,
    }


def settings(
    ports: Ports,
    folder: DemoFolder,
    *,
    client: Mapping[str, str],
    password: str,
    upstream: Upstream,
) -> dict[str, str]:
    """Return the settings that the demo decides; the caller's own fill the rest.

    Args:
        ports: Where everything listens.
        folder: Where everything is kept.
        client: What a client needs.
        password: Of Redis.
        upstream: Who answers.
    """
    return {
        "DATABASE_URL": f"sqlite:///{folder.database}",
        "REDIS_URL": f"redis://:{password}@127.0.0.1:{ports.redis}/0",
        "CORRAL_ADMIN_KEY": client["CORRAL_API_KEY"],
        "CORRAL_ADMIN_USER": client["CORRAL_ADMIN_USER"],
        "CORRAL_ADMIN_PASSWORD": client["CORRAL_ADMIN_PASSWORD"],
        "ENVIRONMENT": "development",
        "OLLAMA_BASE_URL": upstream.url,
        "API_HOST": "127.0.0.1",
        "API_PORT": str(ports.api),
        # SQLite has one writer, and its busy wait would stop a gevent hub.
        "API_WORKERS": "1",
        "API_WORKER_CLASS": "gthread",
        "UI_PORT": str(ports.ui),
        "UI_SIMULATED": "true" if upstream.simulated else "false",
        "CORRAL_API_URL": f"http://127.0.0.1:{ports.api}",
        **DRAIN,
    }


def processes(caller: Mapping[str, str], decided: Mapping[str, str]) -> dict[str, str]:
    """Return the whole environment: the caller's, and over it what the demo decides."""
    # Nothing here is asked through a proxy.
    local = ",".join(filter(None, [caller.get("NO_PROXY"), "127.0.0.1", "localhost"]))
    chosen = {name: caller[name] for name in DRAIN if name in caller}
    return {**caller, "NO_PROXY": local, "no_proxy": local, **decided, **chosen}


def redis_config(ports: Ports, folder: DemoFolder, *, password: str) -> str:
    """Return Redis' configuration: a file, since a command line is seen by all."""
    return (
        "bind 127.0.0.1\n"
        f"port {ports.redis}\n"
        f"requirepass {password}\n"
        f'dir "{folder.redis_data}"\n'
        "appendonly yes\n"
        'save ""\n'
        # Tickets and streams must not be thrown away to make room.
        "maxmemory-policy noeviction\n"
    )
