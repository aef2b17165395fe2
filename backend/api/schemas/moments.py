"""The times that callers send: with their zone, and such that can be reckoned with."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, Field

# No clock of a platform was ever outside, and no arithmetic on these overflows.
_FIRST = datetime(2000, 1, 1, tzinfo=UTC)
_LAST = datetime(2200, 1, 1, tzinfo=UTC)


def _check_moment(moment: datetime) -> datetime:
    if not _FIRST <= moment < _LAST:
        raise ValueError("must be a time from 2000 until 2199")
    return moment


def _to_come(moment: datetime) -> datetime:
    if moment <= datetime.now(UTC):
        raise ValueError("is in the past; to end a key at once, disable it")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("must be before the year 10000 in UTC") from None


Moment = Annotated[AwareDatetime, AfterValidator(_check_moment)]
Expiry = Annotated[AwareDatetime, Field(strict=False), AfterValidator(_to_come)]
