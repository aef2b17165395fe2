"""Whether the server is there, and which version it says it is."""

from ollama_sim.exchange import Exchange
from ollama_sim.simulator import Simulator


async def root(sim: Simulator, exchange: Exchange) -> None:
    """Say that the server runs."""
    del sim
    exchange.reply(200, b"Ollama is running", b"text/plain; charset=utf-8")


async def version(sim: Simulator, exchange: Exchange) -> None:
    """Tell the version."""
    # The suffix says that this is not Ollama.
    exchange.reply_json(200, {"version": f"{sim.settings.ollama_version}-sim"})
