"""Say what runs, where the secrets are, and what to paste."""

import json
import shlex
import time
from typing import Any

from infra.local import http_probe
from infra.local.folder import DemoFolder
from infra.local.parts import Upstream

_QUESTION = "Why is the sky blue? Answer in three sentences."
_USABLE = ("loaded", "on_disk")


def chat_model(
    base_url: str, key: str, *, wait_seconds: float, preferred: str
) -> tuple[str, bool]:
    """Return a model to chat with, and whether its node has it already.

    Waits for a while, since the first pull of a model may be about to end.
    """
    give_up_at = time.monotonic() + wait_seconds
    while True:
        listed = http_probe.get_json(f"{base_url}/api/v1/models", key=key)
        models = choose(listed["data"] if listed else [])
        if models and models[0]["state"] in _USABLE:
            return str(models[0]["name"]), True
        if time.monotonic() > give_up_at:
            return str(models[0]["name"]) if models else preferred, False
        time.sleep(0.3)


def choose(models: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the models that can chat, those first that answer soonest."""
    ranks = {"loaded": 0, "on_disk": 1, "pulling": 2}
    able = [model for model in models if _can_chat(model)]
    return sorted(able, key=lambda model: ranks.get(str(model["state"]), 3))


def curl(env: str, model: str) -> str:
    """Return the command that streams an answer; it works in any POSIX shell."""
    request = {"messages": [{"role": "user", "content": _QUESTION}]}
    body = {"kind": "chat", "model": model, "request": request}
    return (
        f'. {shlex.quote(env)} && curl -N "$CORRAL_BASE_URL/api/v1/jobs" \\\n'
        '    -H "Authorization: Bearer $CORRAL_API_KEY" \\\n'
        "    -H 'Accept: text/event-stream' -H 'Content-Type: application/json' \\\n"
        f"    -d {shlex.quote(json.dumps(body))}"
    )


def text(
    folder: DemoFolder,
    client: dict[str, str],
    *,
    upstream: Upstream,
    model: tuple[str, bool],
    detached: bool,
) -> str:
    """Return what a person reads when everything is ready."""
    env = folder.shown(folder.env)
    env = env if "/" in env else f"./{env}"
    name, is_there = model
    api = client["CORRAL_BASE_URL"]
    note = "" if is_there else f"\n({name} is not here yet: the answer waits for it.)\n"
    end = (
        f"It runs in the background; `{folder.ending}` ends it."
        if detached
        else "Ctrl-C ends everything."
    )
    ui, user = client["CORRAL_UI_URL"], client["CORRAL_ADMIN_USER"]
    return f"""
Corral is ready. Open {ui} and sign in as {user}.

  Password in {env}, which only you can read; show it with: grep PASSWORD {env}
  API      {api}   (read about it at {api}/docs)
  Key      likewise: grep KEY {env}
  Answers  {_answers(upstream)}
  Logs     {folder.shown(folder.log)}

Paste this to stream an answer:

  {curl(env, name)}
{note}
{end}
"""


def _answers(upstream: Upstream) -> str:
    if upstream.simulated:
        return "are SIMULATED, since no Ollama answers here (OLLAMA_BASE_URL names one)"
    return f"come from the Ollama at {upstream.url}"


def _can_chat(model: dict[str, Any]) -> bool:
    capabilities = model.get("capabilities") or []
    return any(word in capabilities for word in ("chat", "completion", "generate"))
