"""`/_sim/…`: look into the simulator and change it while it runs."""

from typing import Any

from ollama_sim import go_json, settings
from ollama_sim.errors import ApiError
from ollama_sim.exchange import Exchange
from ollama_sim.faults import Fault
from ollama_sim.simulator import Simulator

_FIXED = {"host", "port", "history"}


async def requests(sim: Simulator, exchange: Exchange) -> None:
    """List open and recent requests."""
    exchange.reply_json(200, {"requests": sim.journal.requests()})


async def stats(sim: Simulator, exchange: Exchange) -> None:
    """Count."""
    scheduler = sim.scheduler
    more = {
        "loads": dict(scheduler.loads),
        "unloads": dict(scheduler.unloads),
        "loaded": sorted(scheduler.loaded),
        "waiting_for_load": scheduler.queued,
        "connections": len(sim.connections),
    }
    exchange.reply_json(200, sim.journal.stats() | more)


async def reset(sim: Simulator, exchange: Exchange) -> None:
    """Forget requests, counts, faults, loaded and pulled models, and settings."""
    for name in _changeable():
        setattr(sim.settings, name, getattr(sim.initial, name))
    sim.catalogue.install(sim.settings.models)
    sim.scheduler.reset()
    sim.faults.all.clear()
    sim.partial_pulls.clear()
    sim.blobs.clear()
    sim.journal.reset()
    exchange.reply_json(200, {})


async def faults(sim: Simulator, exchange: Exchange) -> None:
    """List the faults that are set."""
    exchange.reply_json(200, {"faults": [fault.view() for fault in sim.faults.all]})


async def set_faults(sim: Simulator, exchange: Exchange) -> None:
    """Add a fault, or set a list of them in place of all."""
    body = go_json.loads(exchange.body)
    if isinstance(body, list):
        read = [Fault.read(item) for item in body]
        sim.faults.all.clear()
    else:
        read = [Fault.read(body)]
    for fault in read:
        sim.faults.add(fault)
    await faults(sim, exchange)


async def clear_faults(sim: Simulator, exchange: Exchange) -> None:
    """Remove all faults."""
    sim.faults.all.clear()
    await faults(sim, exchange)


async def config(sim: Simulator, exchange: Exchange) -> None:
    """Show the settings."""
    exchange.reply_json(200, {n: getattr(sim.settings, n) for n in _changeable()})


async def set_config(sim: Simulator, exchange: Exchange) -> None:
    """Change settings."""
    body = go_json.expect_object(go_json.loads(exchange.body), "Config")
    changes: dict[str, Any] = {}  # Any: settings have several types.
    for name, value in body.items():
        if name not in _changeable():
            raise ApiError(400, f'no such setting: "{name}"')
        changes[name] = _parsed(name, value)
    for name, value in changes.items():
        setattr(sim.settings, name, value)
    if "models" in changes:
        sim.catalogue.install(changes["models"])
    await config(sim, exchange)


def _parsed(name: str, value: Any) -> Any:
    try:
        return settings.parse(name, value)
    except (TypeError, ValueError) as error:
        raise ApiError(400, f'"{name}" cannot be {value!r}') from error


def _changeable() -> list[str]:
    return [name for name in settings.Settings.__slots__ if name not in _FIXED]
