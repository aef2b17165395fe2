from datetime import UTC, datetime

from frontend.conversation import (
    Conversation,
    conversation_of,
    newest_turns,
    next_request,
    same_request,
    title_of_job,
)
from frontend.replies import Job, JobState

ASKED = {"role": "user", "content": "hello"}


def job(**more: object) -> Job:
    fields = {
        "id": "j1",
        "kind": "chat",
        "model": "m",
        "state": JobState.SUCCEEDED,
        "created_at": datetime(2026, 5, 1, tzinfo=UTC),
    }
    return Job.model_validate(fields | more)


def test_a_job_tells_its_whole_conversation() -> None:
    told = {"role": "system", "content": "Be short."}
    metadata = {"conversation": "c1", "title": "Hello"}
    found = conversation_of(job(request={"messages": [told, ASKED]}, metadata=metadata))

    assert (found.key, found.title, found.model) == ("c1", "Hello", "m")
    assert found.instructions == "Be short."
    assert found.spoken == (ASKED,)
    assert found.is_kept


def test_a_job_of_another_client_is_a_conversation_too() -> None:
    found = conversation_of(job(request={"messages": [ASKED]}, metadata={"title": 7}))

    assert found.key == "j1"
    assert found.title is None


def test_a_job_whose_request_is_gone_says_so() -> None:
    assert not conversation_of(job(request=None)).is_kept


def test_the_next_turn_holds_all_before_it() -> None:
    before = Conversation(key="c", title="T", messages=(ASKED,))
    body = next_request(before, "Hi!", "more", user="u", model="m", think=True)

    assert body["request"]["messages"] == [
        ASKED,
        {"role": "assistant", "content": "Hi!"},
        {"role": "user", "content": "more"},
    ]
    assert body["request"]["think"] is True
    assert body["metadata"] == {"conversation": "c", "title": "T", "user": "u"}


def test_new_instructions_replace_the_old_ones() -> None:
    old = {"role": "system", "content": "old"}
    before = Conversation(key="c", messages=(old, ASKED))
    body = next_request(before, None, "more", user="u", model="m", instructions=" new ")

    contents = [message["content"] for message in body["request"]["messages"]]
    assert contents == ["new", "hello", "more"]


def test_asking_again_changes_nothing() -> None:
    request = {"messages": [ASKED], "think": False}
    again = same_request(job(request=request, metadata={"conversation": "c"}))

    assert again["request"] == request
    assert again["metadata"] == {"conversation": "c"}


def test_a_conversation_is_listed_once_by_its_newest_turn() -> None:
    turns = [
        job(id="3", metadata={"conversation": "a", "user": "u"}),
        job(id="2", metadata={"conversation": "b", "user": "u"}),
        job(id="1", metadata={"conversation": "a", "user": "u"}),
    ]

    assert [turn.id for turn in newest_turns(turns, "u")] == ["3", "2"]


def test_jobs_of_programs_and_of_others_are_not_listed_as_chats() -> None:
    turns = [job(id="2"), job(id="1", metadata={"conversation": "a", "user": "v"})]

    assert newest_turns(turns, "u") == []


def test_a_chat_without_a_title_is_named_after_its_model() -> None:
    assert title_of_job(job()) == "Chat with m"
    assert title_of_job(job(metadata={"title": "T"})) == "T"
