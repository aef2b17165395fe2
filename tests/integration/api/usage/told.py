"""What the API tells of usage, read as callers do."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

from werkzeug.test import TestResponse

from backend.api.schemas.views.usage import UsageReport
from backend.core.usage.hours import hour_of

HOUR = hour_of(datetime.now(UTC)) - timedelta(hours=30)


def report(reply: TestResponse) -> Any:
    assert reply.status_code == 200, reply.text
    UsageReport.model_validate(reply.json)
    return reply.json


def table(reply: TestResponse) -> list[list[str]]:
    assert reply.status_code == 200, reply.text
    assert reply.content_type == "text/csv; charset=utf-8; header=present"
    assert reply.headers["Content-Disposition"].startswith("attachment; filename=")
    assert reply.text.endswith("\r\n")
    return list(csv.reader(io.StringIO(reply.text, newline="")))
