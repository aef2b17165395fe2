"""What stands after the question mark of a response's addresses."""

from typing import Literal

from pydantic import ConfigDict, Field, ValidationInfo, field_validator

from backend.api.schemas.queries import Query


class ResponseQuery(Query):
    """Whether a response is wanted as it grows, and from where on."""

    # `include[]` and whatever else asks for what is told anyway, or never.
    model_config = ConfigDict(extra="ignore")

    stream: bool = False
    starting_after: int | None = Field(
        default=None,
        ge=-1,
        le=2**53 - 1,
        description="The `sequence_number` of the last event that you have.",
    )

    @field_validator("starting_after")
    @classmethod
    def _of_streams(cls, value: int | None, info: ValidationInfo) -> int | None:
        if value is not None and info.data.get("stream") is False:
            raise ValueError("needs `stream=true`")
        return value


class InputItemsQuery(Query):
    """Which items, and in which order."""

    model_config = ConfigDict(extra="ignore")

    limit: int = Field(default=20, ge=1, le=100)
    order: Literal["asc", "desc"] = "desc"
    after: str | None = Field(
        default=None, max_length=100, description="The `last_id` of the page before."
    )
