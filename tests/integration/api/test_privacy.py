"""What one person says here no other person sees, at the API or in the UI."""

import httpx
import pytest
from flask import Flask

from backend.api.container import Services
from backend.core.accounts.roles import Role
from frontend.api_client import ApiClient, log_in
from frontend.conversation import new_conversation, newest_turns, next_request
from frontend.errors import NotFoundError
from frontend.replies import Job
from tests.fakes.worker import FakeWorker
from tests.integration.api.caller import Api
from tests.integration.api.people import PASSWORD, make_user
from tests.integration.api.test_access import code_of

SECRET = "where the treasure is"


class Person:
    """Somebody at the UI, whose client talks to the real API."""

    def __init__(self, app: Flask, name: str) -> None:
        transport = httpx.WSGITransport(app=app)
        http = httpx.Client(transport=transport, base_url="http://api")
        self.client = ApiClient(http, log_in(http, name, PASSWORD).token)
        self.id = str(self.client.me().user.id)
        self.api = Api(app.test_client(), self.client.token)

    def say(self, prompt: str, *, user: str | None = None) -> Job:
        body = next_request(
            new_conversation(),
            None,
            prompt,
            user=user or self.id,
            model="tiny-chat",
        )
        return self.client.submit(body, idempotency_key=f"same for all: {prompt}")

    def chats(self) -> list[str]:
        """Give what the side bar lists."""
        return [job.id for job in newest_turns(self.client.chats(limit=100), self.id)]


@pytest.fixture
def ada(app: Flask, services: Services) -> Person:
    make_user(services, "ada")
    return Person(app, "ada")


@pytest.fixture
def bob(app: Flask, services: Services) -> Person:
    make_user(services, "bob")
    return Person(app, "bob")


@pytest.fixture
def root(app: Flask, services: Services) -> Person:
    make_user(services, "root", role=Role.ADMIN)
    return Person(app, "root")


def test_each_sees_only_their_own_conversations(ada: Person, bob: Person) -> None:
    hers, his = ada.say(SECRET), bob.say(SECRET)

    assert hers.id != his.id
    assert ada.chats() == [hers.id]
    assert bob.chats() == [his.id]
    assert hers.id not in bob.api.get("/api/v1/jobs").text


def test_anothers_conversation_is_not_there_whichever_way_one_looks(
    ada: Person, bob: Person, worker: FakeWorker
) -> None:
    job = ada.say(SECRET)
    ada.api.get(
        f"/api/v1/jobs/{job.id}/events", headers={"Accept": "text/event-stream"}
    )

    with pytest.raises(NotFoundError):
        bob.client.job(job.id)
    with pytest.raises(NotFoundError):
        bob.client.tail(job.id, after=None, wait_ms=0)
    with pytest.raises(NotFoundError):
        bob.client.cancel(job.id)
    stream = {"Accept": "text/event-stream"}
    replies = [
        bob.api.get(f"/api/v1/jobs/{job.id}"),
        bob.api.get(f"/api/v1/jobs/{job.id}/events", headers=stream),
        bob.api.get(f"/api/v1/jobs/{job.id}/tokens"),
        bob.api.post(f"/api/v1/jobs/{job.id}/cancel"),
    ]
    assert [code_of(reply) for reply in replies] == [(404, "job_not_found")] * 4
    assert not [reply for reply in replies if SECRET in reply.text]
    assert SECRET in str(ada.client.job(job.id).request)


def test_nobody_puts_a_conversation_into_anothers_list(
    ada: Person, bob: Person, root: Person
) -> None:
    for target in (ada, root):
        bob.say(f"look here, {target.id}", user=target.id)

    assert ada.chats() == []
    assert root.chats() == []


def test_an_administrators_list_is_not_filled_by_everybody_elses_chats(
    ada: Person, root: Person
) -> None:
    own = root.say("an own question")
    ada.say(SECRET)

    assert [job.id for job in root.client.chats(limit=1)] == [own.id]
    everything = root.api.get("/api/v1/jobs").json
    assert everything is not None
    assert len(everything["data"]) == 2


@pytest.mark.parametrize("mine", ["true", "false"])
def test_asking_for_all_jobs_gives_a_user_no_more(
    ada: Person, bob: Person, mine: str
) -> None:
    ada.say(SECRET)

    reply = bob.api.get(f"/api/v1/jobs?mine={mine}")

    assert reply.json == {"data": [], "next": None}
