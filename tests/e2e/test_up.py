"""`make up` ends with a stack that answers, contained as promised."""

import json
from collections.abc import Callable

import httpx
import pytest

from tests.e2e.stack import MODEL, REQUEST, Stack, StackError

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

SERVICES = ("app", "streamlit_app", "worker", "beat", "db", "redis", "ollama")


def test_all_that_runs_is_healthy(stack: Stack, report: Callable[[str], None]) -> None:
    lines = stack.compose("ps", "--format", "{{.Service}} {{.Health}}").splitlines()

    report(f"healthy after {stack.seconds_to_healthy:.0f} s, images included")
    assert dict(line.split() for line in lines) == dict.fromkeys(SERVICES, "healthy")


def test_a_chat_is_answered(stack: Stack) -> None:
    answer = stack.submit(Prefer="wait=20")

    assert answer.status_code == 200
    job = answer.json()
    assert job["state"] == "succeeded"
    assert job["usage"]["completion_tokens"] == 24
    assert job["result"]["message"]["content"]


def test_a_chat_is_streamed(stack: Stack) -> None:
    lines = stack.submit(Accept="text/event-stream").text.splitlines()

    events = [line.partition(": ")[2] for line in lines if line.startswith("event:")]
    data = [json.loads(line[6:]) for line in lines if line.startswith("data: ")]
    text = ""
    for event, said in zip(events, data, strict=True):
        if event == "tokens":
            text = text[: said["text_offset"]] + said["text"]
    assert events[0] == "state"
    assert events.count("tokens") > 3
    assert events[-1] == "end"
    assert stack.job(data[-1]["id"])["result"]["message"]["content"] == text


def test_the_secrets_are_its_owners_only(stack: Stack) -> None:
    assert stack.env_file.stat().st_mode & 0o777 == 0o600


def test_making_up_again_keeps_the_secrets_and_the_containers(stack: Stack) -> None:
    before = stack.env_file.read_text(), stack.containers("db")

    stack.run("make", "up")

    assert (stack.env_file.read_text(), stack.containers("db")) == before


def test_the_ui_asks_who_it_is(stack: Stack) -> None:
    page = httpx.get(
        f"http://127.0.0.1:{stack.ui_port}/", follow_redirects=True, trust_env=False
    )

    assert page.status_code == 200
    assert page.url.path == "/login"
    assert 'type="password"' in page.text


@pytest.mark.parametrize("service", SERVICES)
def test_a_container_runs_as_nobody_special_and_cannot_change_itself(
    stack: Stack, service: str
) -> None:
    words = (
        "id -u; touch /x 2>/dev/null && echo wrote;"
        " grep -E 'CapBnd|NoNew' /proc/1/status"
    )
    user, *rest = stack.compose("exec", "-T", service, "sh", "-c", words).splitlines()

    assert int(user) > 0
    assert [line.split()[1] for line in rest] == ["0" * 16, "1"]


def test_the_api_reaches_neither_ollama_nor_the_world(stack: Stack) -> None:
    look = "import socket; socket.create_connection(('{}', {}), timeout=2)"
    for host, port in (("ollama", 11434), ("192.0.2.1", 443)):
        words = look.format(host, port)
        with pytest.raises(StackError, match=r"resolution|timed out|unreachable"):
            stack.compose("exec", "-T", "app", "python", "-c", words)


def test_the_command_line_is_in_the_image(stack: Stack) -> None:
    assert "create" in stack.compose("exec", "-T", "app", "corral", "keys", "--help")


def test_the_model_that_answered_is_the_one_asked_for(stack: Stack) -> None:
    assert REQUEST["options"]
    assert stack.submit(Prefer="wait=20").json()["served_model"] == f"{MODEL}:latest"
