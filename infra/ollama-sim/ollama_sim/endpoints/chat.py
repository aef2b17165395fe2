"""`/api/chat`."""

from typing import Any

from ollama_sim import requests
from ollama_sim.answer import Ask
from ollama_sim.catalogue import fault_of, full_name
from ollama_sim.durations import parse_keep_alive
from ollama_sim.errors import ApiError
from ollama_sim.exchange import Exchange
from ollama_sim.faults import INSTEAD, ON_LOAD, Fault, Mode, fault_in
from ollama_sim.generation import generate
from ollama_sim.go_json import dumps
from ollama_sim.lines import Lines, NativeLines
from ollama_sim.model import Model
from ollama_sim.options import check, needs
from ollama_sim.run import Job
from ollama_sim.runner import Needs
from ollama_sim.simulator import Simulator

# The tokens of a prompt's start and of the markers around each message, and of an
# image, as the recorded models counted them.
_START_TOKENS = 2
_MESSAGE_TOKENS = 2
_IMAGE_TEXT = "[img-0]"


async def chat(sim: Simulator, exchange: Exchange) -> None:
    """Answer a conversation."""
    body = requests.read(exchange.body, "ChatRequest", requests.CHAT)
    keep_alive = parse_keep_alive(body.get("keep_alive"))
    requests.check_messages(body.get("messages") or [])
    requests.thinking(body.get("think"))
    lines = NativeLines(
        body.get("model") or "",
        sim.clock,
        chat=True,
        top_logprobs=requests.top_logprobs(body),
    )
    if not body.get("messages"):
        await load_or_unload(
            sim, exchange, body, keep_alive=keep_alive, lines=lines, what="chat"
        )
        return
    await generate(sim, exchange, chat_job(sim, exchange, body, lines, keep_alive))


# Any: bodies are JSON.
def chat_job(
    sim: Simulator,
    exchange: Exchange,
    body: dict[str, Any],
    lines: Lines,
    keep_alive: float | None,
) -> Job:
    """Turn a request for a chat into what is to be generated."""
    model = find(sim, exchange, body.get("model"), "chat")
    tools = body.get("tools") or []
    requests.check_tools(tools)
    if tools and not model.can("tools"):
        raise ApiError(400, f"{full_name(model.name)} does not support tools")
    options = body.get("options") or {}
    check(options)
    messages = body["messages"]
    text, tokens = _read(messages, model)
    wanted = needs(model, body)
    return Job(
        model=model,
        needs=wanted,
        ask=Ask(
            prompt=messages[-1].get("content") or "",
            text=text,
            options={**model.defaults, **options},
            output_format=body.get("format"),
            tools=tools,
            think=_think(body, model),
            answers_tool=messages[-1].get("role") == "tool",
        ),
        lines=lines,
        prompt_tokens=tokens + (model.count_tokens(_dumped(tools)) if tools else 0),
        stream=body.get("stream") is not False,
        keep_alive=keep_alive,
        truncate=body.get("truncate") is not False,
        fault=fault_for(sim, exchange, model, options, wanted=wanted),
    )


def find(sim: Simulator, exchange: Exchange, name: Any, what: str) -> Model:
    """Return the model, if it can do this."""
    model = sim.catalogue.find(name)
    exchange.state.model = model.name
    if not model.can("completion"):
        raise ApiError(400, f'"{name}" does not support {what}')
    return model


def fault_for(
    sim: Simulator,
    exchange: Exchange,
    model: Model,
    options: dict[str, Any],
    *,
    wanted: Needs,
    only_loads: bool = False,
) -> Fault | None:
    """Return the fault of this request: its own, its model's, or one set.

    One set is left for a request to which it can happen: a failing load for one that
    loads, a broken answer for one that has an answer.
    """
    if "sim_fault" in options:
        return fault_in(options)
    if sim.faults.all:
        modes = INSTEAD | ON_LOAD if only_loads else frozenset(Mode)
        if sim.scheduler.is_loaded(model, wanted):
            modes -= ON_LOAD
        fault = sim.faults.pick(exchange.path, model.name, modes)
        if fault is not None:
            return fault
    return fault_of(model.name) if ":fault-" in model.name else None


def _read(messages: list[dict[str, Any]], model: Model) -> tuple[str, int]:
    """Return all that the model reads, and how many tokens it is."""
    texts = [m["content"] for m in messages if m.get("content")]
    texts += [_IMAGE_TEXT for m in messages for _ in m.get("images") or ()]
    text = "".join(texts)
    markers = _START_TOKENS + _MESSAGE_TOKENS * len(messages)
    return text, markers + model.count_tokens(text)


def _think(body: dict[str, Any], model: Model) -> bool:
    wanted = requests.thinking(body.get("think"))
    if wanted and not model.can("thinking"):
        raise ApiError(400, f'"{body["model"]}" does not support thinking')
    return model.can("thinking") and wanted is not False


def _dumped(tools: list[Any]) -> str:
    return dumps(tools).decode()


async def load_or_unload(
    sim: Simulator,
    exchange: Exchange,
    body: dict[str, Any],
    *,
    keep_alive: float | None,
    lines: NativeLines,
    what: str,
) -> None:
    """Answer a request without a prompt: it loads the model, or unloads it."""
    if keep_alive == 0:
        sim.scheduler.unload(sim.catalogue.find(body.get("model")).name)
        exchange.reply_json(200, lines.empty("unload"))
        return
    model = find(sim, exchange, body.get("model"), what)
    options = body.get("options") or {}
    check(options)
    wanted = needs(model, body)
    fault = fault_for(sim, exchange, model, options, wanted=wanted, only_loads=True)
    if fault is not None and fault.mode in INSTEAD:
        raise fault.error()
    runner = await sim.scheduler.lease(
        model, wanted, keep_alive=keep_alive, fault=fault
    )
    sim.scheduler.give_back(runner)
    exchange.reply_json(200, lines.empty("load"))
