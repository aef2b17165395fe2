"""Usage: sums by group, and the calls that they are sums of."""

from pydantic import AwareDatetime, Field

from backend.api.schemas.views.view import View
from backend.core.jobs.states import ErrorCode, Kind, Protocol, State


class UsageCounts(View):
    """Calls by how they ended, and their tokens; unknown ones count as none."""

    requests: int
    succeeded: int
    failed: int
    cancelled: int
    expired: int
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class UsageLine(UsageCounts):
    """A group: of these fields it has those that were asked for."""

    key_id: int | None = None
    key_prefix: str | None = None
    key_name: str | None = None
    user_id: int | None = None
    user: str | None = None
    model: str | None = None
    node: str | None = Field(default=None, description="Null: it never ran.")
    kind: Kind | None = None
    protocol: Protocol | None = None
    hour: AwareDatetime | None = None
    day: str | None = Field(
        default=None, description="In UTC.", examples=["2026-03-01"]
    )


class UsageReport(View):
    """What was used in these hours."""

    begins: AwareDatetime = Field(alias="from")
    ends: AwareDatetime | None = Field(alias="to", description="Null: until now.")
    data: list[UsageLine]
    total: UsageCounts


class CallView(View):
    """A call that has ended."""

    id: str = Field(description="Of its job.")
    finished_at: AwareDatetime
    created_at: AwareDatetime
    user_id: int
    user: str | None
    key_id: int | None
    key_prefix: str | None
    key_name: str | None
    model: str = Field(description="As the caller spelled it.")
    served_model: str | None
    node: str | None
    kind: Kind
    protocol: Protocol
    state: State
    attempts: int
    error_code: ErrorCode | None
    prompt_tokens: int | None = Field(description="Null: unknown.")
    completion_tokens: int | None
    queue_ms: float | None = Field(description="Until its last attempt began.")
    first_token_ms: float | None = Field(description="Since it was submitted.")
    total_ms: float = Field(description="From its submission to its end.")


class CallList(View):
    """A page of calls, newest end first; `next` is the next page's `after`."""

    data: list[CallView]
    next: str | None
