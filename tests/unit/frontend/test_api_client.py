import httpx
import pytest

from frontend.api_client import ApiClient, connect, open_session
from frontend.errors import (
    ApiDownError,
    ApiError,
    BusyError,
    NotAllowedError,
    NotFoundError,
    PayloadExpiredError,
    SessionEndedError,
    UnexpectedReplyError,
)
from frontend.settings import UiSettings
from tests.fakes.api import ADMIN_KEY, USER_KEY, FakeApi, Refusal

CHAT = {"kind": "chat", "model": "m", "request": {"messages": [{"content": "hi"}]}}


def answering(reply: httpx.Response) -> ApiClient:
    transport = httpx.MockTransport(lambda _request: reply)
    return ApiClient(httpx.Client(transport=transport, base_url="http://api"), "token")


def test_a_key_is_traded_for_a_session(api: FakeApi, http: httpx.Client) -> None:
    session = open_session(http, USER_KEY)

    assert ApiClient(http, session.token).me().user.name == "Grace"
    assert session.token not in repr(session)


def test_a_closed_session_is_over(api: FakeApi, client: ApiClient) -> None:
    client.close_session()

    with pytest.raises(SessionEndedError):
        client.me()


def test_only_the_admin_scope_makes_an_admin(http: httpx.Client) -> None:
    admin = ApiClient(http, open_session(http, ADMIN_KEY).token)
    user = ApiClient(http, open_session(http, USER_KEY).token)

    assert admin.me().is_admin
    assert not user.me().is_admin


def test_a_submitted_job_can_be_read_listed_tailed_and_cancelled(
    client: ApiClient,
) -> None:
    job = client.submit(CHAT, idempotency_key="k")
    client.cancel(job.id)

    assert client.job(job.id).request == CHAT["request"]
    assert [found.id for found in client.chats(limit=5)] == [job.id]
    assert client.tail(job.id, after=None, wait_ms=0).events


def test_a_submission_carries_its_idempotency_key_and_the_token() -> None:
    seen: list[httpx.Request] = []

    def note(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(500)

    http = httpx.Client(transport=httpx.MockTransport(note), base_url="http://api")
    with pytest.raises(ApiError):
        ApiClient(http, "token").submit({}, idempotency_key="once")

    assert seen[0].headers["Idempotency-Key"] == "once"
    assert seen[0].headers["Authorization"] == "Bearer token"


@pytest.mark.parametrize(("simulated", "expected"), [(True, True), (False, False)])
def test_a_simulator_is_known_by_its_version(
    api: FakeApi, client: ApiClient, *, simulated: bool, expected: bool
) -> None:
    api.simulated = simulated

    assert client.is_simulated() is expected


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, SessionEndedError),
        (403, NotAllowedError),
        (404, NotFoundError),
        (410, PayloadExpiredError),
        (429, BusyError),
        (503, BusyError),
        (500, ApiError),
    ],
)
def test_each_refusal_is_an_error_of_its_own(
    api: FakeApi, client: ApiClient, status: int, error: type[ApiError]
) -> None:
    api.refuse_next = [Refusal(status, "some_code", "No.")]

    with pytest.raises(error, match="No") as caught:
        client.me()
    assert (caught.value.code, caught.value.status) == ("some_code", status)
    assert caught.value.request_id == "req-1"


def test_a_refusal_names_the_fields(api: FakeApi, client: ApiClient) -> None:
    fields = [{"field": "request.messages", "message": "must not be empty"}]
    api.refuse_next = [Refusal(422, "invalid_request", "Not so.", errors=fields)]

    with pytest.raises(ApiError, match=r"request\.messages: must not"):
        client.me()


def test_a_known_wait_is_part_of_the_advice() -> None:
    reply = httpx.Response(503, json={"code": "draining"}, headers={"Retry-After": "5"})

    with pytest.raises(BusyError) as caught:
        answering(reply).me()
    assert caught.value.advice == "Try again in 5 seconds."


@pytest.mark.parametrize("body", [b"<html>", b"[]", b""])
def test_an_error_that_is_no_problem_document_is_still_an_error(body: bytes) -> None:
    with pytest.raises(ApiError, match="status 502"):
        answering(httpx.Response(502, content=body)).me()


@pytest.mark.parametrize("body", [b"<html>", b"{}", b"[]"])
def test_a_reply_of_another_shape_is_told_apart(body: bytes) -> None:
    client = answering(httpx.Response(200, content=body))

    with pytest.raises(UnexpectedReplyError):
        client.me()
    with pytest.raises(UnexpectedReplyError):
        client.models()


def test_an_api_that_does_not_answer_is_down() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    http = httpx.Client(transport=httpx.MockTransport(refuse), base_url="http://api")

    with pytest.raises(ApiDownError, match="http://api does not answer") as caught:
        ApiClient(http, "token").me()
    assert "CORRAL_API_URL" in caught.value.advice


def test_an_id_from_the_address_bar_stays_one_segment_of_the_path(
    api: FakeApi, client: ApiClient
) -> None:
    with pytest.raises(NotFoundError):
        client.job("../me?x=1#y")

    assert api.requests[-1] == ("GET", "/api/v1/jobs/mex1y")


def test_connections_have_the_timeouts_of_the_settings() -> None:
    settings = UiSettings(ui_api_timeout="2s", ui_api_connect_timeout="500ms")
    with connect(settings) as http:
        assert (http.timeout.read, http.timeout.connect) == (2.0, 0.5)
