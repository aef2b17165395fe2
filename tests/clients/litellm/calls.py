"""Call Corral through LiteLLM; prints what came back as JSON.

calls.py BASE_URL KEY
"""

import json
import sys
from typing import Any

import litellm

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}
SCHEMA = {
    "type": "json_schema",
    "json_schema": {
        "name": "city",
        "schema": {
            "type": "object",
            "properties": {"name": {"type": "string"}},
            "required": ["name"],
        },
    },
}
HELLO = [{"role": "user", "content": "What is the weather in Paris?"}]


def calls(**served: Any) -> dict[str, Any]:
    """Make all calls."""

    def ask(model: str, **more: Any) -> Any:
        more = {"messages": HELLO, "max_tokens": 200} | more
        return litellm.completion(model=f"openai/{model}", **served, **more)

    whole = ask("tiny-chat", max_tokens=8)
    streamed = list(ask("tiny-chat", max_tokens=8, stream=True))
    first = ask("tiny-tools", tools=[WEATHER]).choices[0].message
    (call,) = first.tool_calls
    answered = {"role": "tool", "tool_call_id": call.id, "content": "20 degrees"}
    messages = [*HELLO, first.model_dump(), answered]
    second = ask("tiny-tools", tools=[WEATHER], messages=messages)
    thought = ask("tiny-think").choices[0].message
    form = ask("tiny-chat", response_format=SCHEMA).choices[0].message
    vectors = litellm.embedding(model="openai/tiny-embed", input=["one"], **served)
    try:
        ask("nobody")
    except litellm.NotFoundError as error:
        refused = error.status_code
    return {
        "whole": whole.choices[0].message.content,
        "tokens": whole.usage.completion_tokens,
        "streamed": "".join(c.choices[0].delta.content or "" for c in streamed),
        "call": [call.function.name, json.loads(call.function.arguments)],
        "answer": second.choices[0].message.content,
        "thought": thought.reasoning_content,
        "form": json.loads(form.content),
        "vector": len(vectors.data[0]["embedding"]),
        "refused": refused,
    }


# Otherwise it prints advice where the answer belongs.
litellm.suppress_debug_info = True
url, key = sys.argv[1:]
json.dump(calls(api_base=f"{url}/v1", api_key=key, max_retries=0), sys.stdout)
