"""What callers put after the question mark."""

from pydantic import BaseModel, ConfigDict, Field

from backend.api.schemas.moments import Moment
from backend.api.schemas.patterns import EVENT_ID, JOB_ID
from backend.core.jobs.repository.query import Filters
from backend.core.jobs.states import Kind, State
from backend.core.names import canonical_model


class Query(BaseModel):
    """Parameters of an address: text, read as what the field is."""

    model_config = ConfigDict(extra="forbid")


class JobsQuery(Query):
    """Which jobs, and how many of them."""

    state: State | None = None
    kind: Kind | None = None
    model: str | None = Field(default=None, max_length=200)
    mine: bool = Field(
        default=False, description="Only the caller's own; administrators see all."
    )
    created_after: Moment | None = None
    created_before: Moment | None = None
    limit: int = Field(default=20, ge=1, le=100)
    after: str | None = Field(
        default=None,
        pattern=JOB_ID,
        description="The `next` of the page before.",
    )

    def filters(self, owner_id: int | None) -> Filters:
        """Narrow to these, of one owner or of all."""
        return Filters(
            owner_id=owner_id,
            state=self.state,
            kind=self.kind,
            model=None if self.model is None else canonical_model(self.model),
            created_after=self.created_after,
            created_before=self.created_before,
        )


class TokensQuery(Query):
    """Which events, and how long to wait for one."""

    after: str | None = Field(default=None, max_length=48)
    wait: int = Field(default=0, ge=0, le=30_000, description="Milliseconds.")


class EventsQuery(Query):
    """Where to go on, for clients that cannot set the header."""

    last_event_id: str | None = Field(default=None, max_length=48, pattern=EVENT_ID)
