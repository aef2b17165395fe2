"""Hours: when one is over for good, and which of them a question is about (pure)."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

HOUR = timedelta(hours=1)
# An end is dated when its statement begins, and seen when that has committed: seconds
# later at most, unless the server hangs or its clock is set back in between.
GRACE = timedelta(minutes=10)


def hour_of(moment: datetime) -> datetime:
    """Give the beginning of the hour, in UTC, that a moment lies in."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def closed_until(now: datetime) -> datetime:
    """Give the moment before which no job ends any more."""
    return hour_of(now - GRACE)


@dataclass(frozen=True, slots=True)
class Period:
    """Whole hours from `begins` until before `ends`; None is "until now"."""

    begins: datetime
    ends: datetime | None

    @classmethod
    def around(cls, begins: datetime, ends: datetime | None) -> Self:
        """Give the whole hours that two moments lie in or between."""
        if ends is None:
            return cls(hour_of(begins), None)
        last = hour_of(ends)
        return cls(hour_of(begins), last if last == ends else last + HOUR)
