"""Faults of requests that are answered in one piece."""

import asyncio

from ollama_sim.exchange import JSON, Exchange
from ollama_sim.faults import ON_LOAD, Fault, Mode


async def spoil(exchange: Exchange, fault: Fault) -> bool:
    """Do what the fault is; tell whether that was the response."""
    exchange.state.fault = fault.mode
    if fault.mode in ON_LOAD:
        return False
    if fault.mode is Mode.HANG:
        await hang(fault.seconds)
        return False
    if fault.mode is Mode.SLOW:
        await asyncio.sleep(fault.delay)
        return False
    if fault.mode is Mode.DROP:
        exchange.abort()
        return True
    if fault.mode in (Mode.CUT, Mode.MALFORMED):
        exchange.reply(200, b'{"broken', JSON)
        return True
    raise fault.error()


async def hang(seconds: float | None) -> None:
    """Say nothing for some time, or for ever."""
    if seconds is None:
        await asyncio.get_running_loop().create_future()
    else:
        await asyncio.sleep(seconds)
