"""From a caller's body to a job: checked, made canonical, priced.

What is refused here was never accepted; what leaves here is committed as it is.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Any

import orjson
import redis
import structlog
from flask import g
from pydantic import ValidationError

from backend.api import capabilities
from backend.api.blocked_patterns import BlockedPatterns
from backend.api.contexts import Contexts
from backend.api.errors import invalid, invalid_fields
from backend.api.input_limits import InputLimits
from backend.api.prompt_texts import texts_of
from backend.api.pulls import node_for_pull
from backend.api.schemas.submit import SUBMIT_JOB, JobBody, PullJob
from backend.core import metrics
from backend.core.catalogue import Catalogue, KnownModel
from backend.core.cluster import Cluster
from backend.core.errors import (
    ContentBlockedError,
    ModelNotAllowedError,
    ScopeMissingError,
)
from backend.core.identifiers import uuid7
from backend.core.jobs.fair_share import estimated_cost
from backend.core.jobs.records import NewJob
from backend.core.jobs.states import Kind, OnDisconnect, Priority, Protocol
from backend.core.keys import Caller
from backend.core.names import canonical_model, generation_lane, node_lane
from backend.core.settings import Settings

log = structlog.get_logger()

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
        kept: False if its caller wants nothing of it kept, whatever retention says.
    """

    request_id: str
    traceparent: str | None = None
    idempotency_key: str | None = None
    protocol: Protocol = Protocol.NATIVE
    sent: Any = None
    original: bytes | None = None
    kept: bool = True


class Admission:
    """Decides what becomes a job."""

    def __init__(
        self,
        settings: Settings,
        *,
        catalogue: Catalogue,
        cluster: Cluster,
        contexts: Contexts,
        blocked: BlockedPatterns,
    ) -> None:
        """Keep the limits, the catalogue and where the nodes are told of."""
        self._settings = settings
        self._limits = InputLimits.of(settings)
        self._catalogue = catalogue
        self._cluster = cluster
        self._contexts = contexts
        self._blocked = blocked

    def admit(self, body: Any, caller: Caller, envelope: Envelope) -> NewJob:
        """Make a job of a body.

        Raises:
            AppError: Why it is none: each mistake with its field.
        """
        _check_idempotency_key(envelope.idempotency_key)
        if isinstance(body, dict):
            self._limits.check_counts(body.get("request"))
        asked = _validated(body)
        kind, request = Kind(body["kind"]), _without_nulls(body.get("request"))
        model, known = self._model(asked, kind, request, caller)
        priority = _priority(asked, caller)
        written = orjson.dumps(request)
        characters = 0 if known is None else self._read(known, kind, request, caller)
        return NewJob(
            id=uuid7(),
            owner_id=caller.user_id,
            key_id=caller.key_id,
            kind=kind,
            model=model,
            requested_model=asked.model,
            lane=self._lane(asked, model),
            request=written,
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
            limits=caller.limits,
            protocol=envelope.protocol,
            original=envelope.original,
            kept=envelope.kept,
        )

    def _model(
        self, asked: JobBody, kind: Kind, request: dict[str, Any], caller: Caller
    ) -> tuple[str, KnownModel | None]:
        name = canonical_model(asked.model)
        if isinstance(asked, PullJob):
            if not caller.is_admin:
                raise ScopeMissingError("A pull needs a key with the scope admin.")
            if not self._catalogue.permits_name(name):
                raise ModelNotAllowedError(f"ALLOWED_MODELS does not name {name}.")
            return name, None
        known = self._catalogue.require(asked.model)
        if not caller.may_use(known.name):
            raise ModelNotAllowedError(f"The key may not use the model {name}.")
        capabilities.require(known, kind, request)
        return known.name, known

    def _read(
        self,
        model: KnownModel,
        kind: Kind,
        request: dict[str, Any],
        caller: Caller,
    ) -> int:
        """Let the texts through, and give their length in characters."""
        texts = texts_of(kind, request)
        characters = self._limits.check_sizes(request, texts)
        self._contexts.check(model, kind, request, characters)
        try:
            self._blocked.check(texts)
        except ContentBlockedError as error:
            _note_blocked(error, kind, caller)
            raise
        return characters

    def _lane(self, asked: JobBody, model: str) -> str:
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

    def _tokens(self, kind: Kind, request: dict[str, Any]) -> int:
        if kind not in {Kind.CHAT, Kind.GENERATE}:
            return 0
        asked = (request.get("options") or {}).get("num_predict")
        limit = self._settings.max_tokens_limit
        if asked is not None and asked > limit:
            raise invalid("request.options.num_predict", f"must be at most {limit}")
        return int(asked or self._settings.max_tokens_default)

    def _deadline_ms(self, asked: JobBody) -> int:
        longest = self._settings.job_deadline
        if asked.deadline_seconds is None:
            return longest
        wanted = asked.deadline_seconds * 1000
        if wanted > longest:
            raise invalid("deadline_seconds", f"must be at most {longest / 1000:g}")
        return max(1, round(wanted))


def _validated(body: Any) -> JobBody:
    try:
        return SUBMIT_JOB.validate_python(body)
    except ValidationError as error:
        raise invalid_fields(error, body) from None


def _check_idempotency_key(key: str | None) -> None:
    if key is not None and _PRINTABLE.fullmatch(key) is None:
        raise invalid("Idempotency-Key", "must be 1 to 255 printable ASCII characters")


def _priority(asked: JobBody, caller: Caller) -> Priority:
    priority = Priority.of(asked.priority)
    if priority > caller.highest_priority:
        raise invalid("priority", f"the key allows {caller.highest_priority.label}")
    return priority


def _without_nulls(request: dict[str, Any] | None) -> dict[str, Any]:
    return {k: v for k, v in (request or {}).items() if v is not None}


def _body_hash(body: dict[str, Any], envelope: Envelope) -> str | None:
    if envelope.idempotency_key is None:
        return None
    sent = body if envelope.sent is None else envelope.sent
    canonical = orjson.dumps(sent, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(canonical).hexdigest()


def _note_blocked(error: ContentBlockedError, kind: Kind, caller: Caller) -> None:
    # What a remembered caller sent is admitted twice before it is refused.
    if g.get("blocked"):
        return
    g.blocked = True
    metrics.record_blocked()
    log.info(
        "content_blocked",
        pattern_line=error.line,
        kind=kind,
        user_id=caller.user_id,
        key_id=caller.key_id,
    )
