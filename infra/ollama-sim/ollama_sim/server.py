"""The process: listen, serve, and end on a signal."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
from collections.abc import Sequence

import uvloop

from ollama_sim.connection import Connection
from ollama_sim.router import Router
from ollama_sim.settings import Settings
from ollama_sim.simulator import Simulator

log = logging.getLogger("ollama_sim")
# Callers that come at once must not be turned away by the kernel.
_BACKLOG = 4096
_GC_THRESHOLD = 50_000


async def serve(sim: Simulator, stop: asyncio.Event) -> None:
    """Serve until told to stop."""
    loop = asyncio.get_running_loop()
    router = Router(sim)
    server = await loop.create_server(
        lambda: Connection(router, sim.connections),
        sim.settings.host,
        sim.settings.port,
        backlog=_BACKLOG,
    )
    port = server.sockets[0].getsockname()[1]
    log.info("simulated Ollama listens on http://%s:%d", sim.settings.host, port)
    await stop.wait()
    server.close()
    for connection in list(sim.connections):
        connection.close()


async def _run(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    # What is built at the start stays; the collector need not look at it again.
    gc.freeze()
    # A request leaves hardly any cycles behind; to look for them as often as Python
    # does by itself was a tenth of its cost.
    gc.set_threshold(_GC_THRESHOLD)
    await serve(Simulator.build(settings), stop)


def run(argv: Sequence[str]) -> None:
    """Run the simulator with a command line and the environment of the process."""
    logging.basicConfig(format="%(message)s", level=logging.INFO, stream=sys.stderr)
    settings = Settings.read(argv, os.environ)
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(_run(settings))
