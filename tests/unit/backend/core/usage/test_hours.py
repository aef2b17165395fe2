"""Which hours are over, and which a question is about."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from backend.core.usage.hours import Period, closed_until, hour_of

DAY = datetime(2026, 3, 1, tzinfo=UTC)
INDIA = timezone(timedelta(hours=5, minutes=30))


def at(hour: int, minute: int = 0, second: int = 0) -> datetime:
    return DAY.replace(hour=hour, minute=minute, second=second)


@pytest.mark.parametrize(
    ("now", "closed"),
    [
        (at(12, 9, 59), at(11)),
        (at(12, 10), at(12)),
        (at(13, 9, 59), at(12)),
    ],
)
def test_an_hour_is_over_for_good_ten_minutes_after_its_end(
    now: datetime, closed: datetime
) -> None:
    assert closed_until(now) == closed


def test_an_hour_is_utcs_wherever_the_asker_is() -> None:
    assert hour_of(datetime(2026, 3, 1, 17, 45, tzinfo=INDIA)) == at(12)


@pytest.mark.parametrize(
    ("ends", "last"),
    [(at(14), at(14)), (at(14, 0, 1), at(15)), (at(14, 59), at(15)), (None, None)],
)
def test_a_period_is_widened_to_whole_hours(
    ends: datetime | None, last: datetime | None
) -> None:
    assert Period.around(at(12, 30), ends) == Period(at(12), last)
