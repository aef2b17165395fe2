"""Tables as CSV (RFC 4180) that is safe to open in a spreadsheet."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from flask import Response

CONTENT_TYPE = "text/csv; charset=utf-8; header=present"
# A cell that begins so is run as a formula; names are what users like to call things.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001  # their wide forms do it too


def csv_text(
    rows: Iterable[Mapping[str, Any]], fields: Sequence[str], *, header: bool = True
) -> str:
    """Write rows, with a line of their names before them."""
    text = io.StringIO()
    writer = csv.writer(text)
    if header:
        writer.writerow(fields)
    writer.writerows([_cell(row[name]) for name in fields] for row in rows)
    return text.getvalue()


def attachment(body: str | Iterable[str], *, name: str) -> Response:
    """Answer with a table, under a name to keep it."""
    disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(body, headers=disposition, content_type=CONTENT_TYPE)


def _cell(value: Any) -> Any:  # whatever a table holds
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
