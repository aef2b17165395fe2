"""A conversation, rebuilt from the jobs that were its turns; pure.

Each turn is a job whose request holds all messages before it. So the last job alone
gives the whole conversation, and nothing about it is stored in the UI.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from frontend.formatting import title_of
from frontend.replies import Job

Message = Mapping[str, Any]  # as Ollama has it: role, content, images …


@dataclass(frozen=True, slots=True)
class Conversation:
    """What was said so far, the open answer not included.

    Args:
        job_id: The last turn; None before the first.
        key: What the jobs of one conversation have in common.
    """

    key: str
    job_id: str | None = None
    title: str | None = None
    model: str | None = None
    messages: tuple[Message, ...] = ()
    is_kept: bool = True

    @property
    def instructions(self) -> str:
        """Give what the model was told before the first message."""
        first = self.messages[0] if self.messages else {}
        return str(first.get("content", "")) if first.get("role") == "system" else ""

    @property
    def spoken(self) -> tuple[Message, ...]:
        """Give the messages that people see."""
        return tuple(m for m in self.messages if m.get("role") != "system")


def new_conversation() -> Conversation:
    """Begin a conversation."""
    return Conversation(key=str(uuid4()))


def conversation_of(job: Job) -> Conversation:
    """Rebuild the conversation whose last turn a job is."""
    messages = (job.request or {}).get("messages")
    return Conversation(
        key=_noted(job, "conversation") or job.id,
        job_id=job.id,
        title=_noted(job, "title"),
        model=job.model,
        messages=tuple(messages or ()),
        is_kept=messages is not None,
    )


def next_request(
    conversation: Conversation,
    answer: str | None,
    prompt: str,
    *,
    user: str,
    model: str,
    instructions: str = "",
    think: bool | None = None,
) -> dict[str, Any]:
    """Make the body of the next turn's job.

    Args:
        conversation: What was said before.
        answer: What the model said last, as far as it came.
        prompt: What is said now.
        user: Whose chat it is; programs with the same owner's keys have others.
        model: Who shall answer.
        instructions: What the model is told before the first message.
        think: Whether the model shall think first; None where it cannot choose.
    """
    request: dict[str, Any] = {
        "messages": _messages(conversation, answer, prompt, instructions.strip())
    }
    if think is not None:
        request["think"] = think
    title = conversation.title or title_of(prompt)
    return {
        "kind": "chat",
        "model": model,
        "request": request,
        "metadata": {
            "conversation": conversation.key,
            "title": title,
            "user": user,
        },
    }


def same_request(job: Job) -> dict[str, Any]:
    """Make the body of a job that asks the same again."""
    body = {"kind": "chat", "model": job.model, "request": job.request}
    return body | {"metadata": job.metadata or {}}


def _messages(
    conversation: Conversation, answer: str | None, prompt: str, instructions: str
) -> list[Message]:
    told: list[Message] = (
        [{"role": "system", "content": instructions}] if instructions else []
    )
    said: list[Message] = [{"role": "assistant", "content": answer}] if answer else []
    asked: Message = {"role": "user", "content": prompt}
    return [*told, *conversation.spoken, *said, asked]


def newest_turns(jobs: Iterable[Job], user: str) -> list[Job]:
    """Keep the newest job of each chat that a person had here, newest first.

    The API lists all chat jobs of an owner: also those of programs with its keys.
    """
    newest: dict[str, Job] = {}
    for job in jobs:
        if _noted(job, "user") == user:
            newest.setdefault(_noted(job, "conversation") or job.id, job)
    return list(newest.values())


def title_of_job(job: Job) -> str:
    """Name a chat in a list, also one that another client began."""
    return _noted(job, "title") or f"Chat with {job.model}"


def _noted(job: Job, name: str) -> str | None:
    value = (job.metadata or {}).get(name)
    return value if isinstance(value, str) and value else None
