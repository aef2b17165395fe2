"""From a caller's body to a job: checked, made canonical, priced.

What is refused here was never accepted; what leaves here is committed as it is.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Any

import orjson
import redis
from pydantic import ValidationError

from backend.api import capabilities
from backend.api.errors import invalid, invalid_fields
from backend.api.pulls import node_for_pull
from backend.api.schemas.submit import SUBMIT_JOB, TAGS, PullJob, Submission
from backend.core.catalogue import Catalogue
from backend.core.cluster import Cluster
from backend.core.errors import ModelNotAllowedError, ScopeMissingError
from backend.core.identifiers import uuid7
from backend.core.jobs.fair_share import estimated_cost
from backend.core.jobs.records import NewJob
from backend.core.jobs.states import Kind, OnDisconnect, Priority, Protocol
from backend.core.keys import Caller
from backend.core.names import canonical_model, generation_lane, node_lane
from backend.core.settings import Settings

_PRINTABLE = re.compile(r"[\x20-\x7e]{1,255}")


@dataclass(frozen=True, slots=True)
class Envelope:
    """What came beside the body.

    Args:
        request_id: Of the request.
        traceparent: W3C trace context.
        idempotency_key: Under which a repeat gets the same job.
        protocol: In whose words the job was asked for.
        sent: What was sent, where the body is a translation of it: a repeat is told by
            it.
        original: JSON of what is to be told again.
    """

    request_id: str
    traceparent: str | None = None
    idempotency_key: str | None = None
    protocol: Protocol = Protocol.NATIVE
    sent: Any = None
    original: bytes | None = None


class Admission:
    """Decides what becomes a job."""

    def __init__(
        self, settings: Settings, catalogue: Catalogue, cluster: Cluster
    ) -> None:
        """Keep the limits, the catalogue and where the nodes are told of."""
        self._settings = settings
        self._catalogue = catalogue
        self._cluster = cluster

    def admit(self, body: Any, caller: Caller, envelope: Envelope) -> NewJob:
        """Make a job of a body.

        Raises:
            AppError: Why it is none: each mistake with its field.
        """
        _check_idempotency_key(envelope.idempotency_key)
        asked = _validated(body)
        kind, request = Kind(body["kind"]), _without_nulls(body.get("request"))
        model = self._model(asked, kind, request, caller)
        priority = _priority(asked, caller)
        characters = self._check_size(kind, request)
        return NewJob(
            id=uuid7(),
            owner_id=caller.user_id,
            key_id=caller.key_id,
            kind=kind,
            model=model,
            requested_model=asked.model,
            lane=self._lane(asked, model),
            request=_written(request),
            cost=estimated_cost(characters, self._tokens(kind, request)),
            weight=caller.weight,
            priority=priority,
            on_disconnect=OnDisconnect(asked.on_disconnect),
            queue_ms=self._settings.queue_timeout,
            deadline_ms=self._deadline_ms(asked),
            idempotency_key=envelope.idempotency_key,
            body_hash=_body_hash(body, envelope),
            metadata=orjson.dumps(asked.metadata).decode() if asked.metadata else None,
            request_id=envelope.request_id,
            traceparent=envelope.traceparent,
            credential=caller.credential,
            protocol=envelope.protocol,
            original=envelope.original,
        )

    def _model(
        self, asked: Submission, kind: Kind, request: dict[str, Any], caller: Caller
    ) -> str:
        name = canonical_model(asked.model)
        if isinstance(asked, PullJob):
            if not caller.is_admin:
                raise ScopeMissingError("A pull needs a key with the scope admin.")
            if not self._catalogue.permits_name(name):
                raise ModelNotAllowedError(f"ALLOWED_MODELS does not name {name}.")
            return name
        known = self._catalogue.require(name)
        if not caller.may_use(known.name):
            raise ModelNotAllowedError(f"The key may not use the model {name}.")
        capabilities.require(known, kind, request)
        return known.name

    def _lane(self, asked: Submission, model: str) -> str:
        if isinstance(asked, PullJob):
            return node_lane(asked.request.node or self._node())
        return generation_lane(model)

    def _node(self) -> str:
        try:
            live = self._cluster.by_node()
        except redis.RedisError:
            # Without Redis none is known to live.
            live = {}
        return node_for_pull(live, preferred=self._settings.node_id)

    def _check_size(self, kind: Kind, request: dict[str, Any]) -> int:
        characters = _characters(kind, request)
        limit = self._settings.max_prompt_chars
        if characters > limit:
            raise invalid("request", f"has {characters} characters; at most {limit}")
        return characters

    def _tokens(self, kind: Kind, request: dict[str, Any]) -> int:
        if kind not in {Kind.CHAT, Kind.GENERATE}:
            return 0
        asked = (request.get("options") or {}).get("num_predict")
        limit = self._settings.max_tokens_limit
        if asked is not None and asked > limit:
            raise invalid("request.options.num_predict", f"must be at most {limit}")
        return int(asked or self._settings.max_tokens_default)

    def _deadline_ms(self, asked: Submission) -> int:
        longest = self._settings.job_deadline
        if asked.deadline_seconds is None:
            return longest
        wanted = asked.deadline_seconds * 1000
        if wanted > longest:
            raise invalid("deadline_seconds", f"must be at most {longest / 1000:g}")
        return max(1, round(wanted))


def _validated(body: Any) -> Submission:
    try:
        return SUBMIT_JOB.validate_python(body)
    except ValidationError as error:
        found = error.errors(
            include_url=False, include_context=False, include_input=False
        )
        raise invalid_fields(found, leave_out=TAGS) from None


def _check_idempotency_key(key: str | None) -> None:
    if key is not None and _PRINTABLE.fullmatch(key) is None:
        raise invalid("Idempotency-Key", "must be 1 to 255 printable ASCII characters")


def _priority(asked: Submission, caller: Caller) -> Priority:
    priority = Priority.of(asked.priority)
    if priority > caller.highest_priority:
        raise invalid("priority", f"the key allows {caller.highest_priority.label}")
    return priority


def _without_nulls(request: dict[str, Any] | None) -> dict[str, Any]:
    return {k: v for k, v in (request or {}).items() if v is not None}


def _written(request: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(request)
    except TypeError:
        raise invalid("request", "is nested too deeply") from None


def _body_hash(body: dict[str, Any], envelope: Envelope) -> str | None:
    if envelope.idempotency_key is None:
        return None
    sent = body if envelope.sent is None else envelope.sent
    canonical = orjson.dumps(sent, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(canonical).hexdigest()


def _characters(kind: Kind, request: dict[str, Any]) -> int:
    if kind is Kind.CHAT:
        return sum(_message_characters(message) for message in request["messages"])
    if kind is Kind.EMBED:
        texts = request["input"]
        return len(texts) if isinstance(texts, str) else sum(map(len, texts))
    parts = (request.get(name) for name in ("prompt", "system", "suffix", "template"))
    return sum(len(part) for part in parts if part)


def _message_characters(message: dict[str, Any]) -> int:
    return len(message.get("content") or "") + len(message.get("thinking") or "")
