"""`corral usage`: what was used, as a table or as CSV."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from backend.api.commands.wiring import platform
from backend.api.csv_table import csv_text
from backend.api.usage_view import counts_view, line_fields, line_view
from backend.core.usage.grouping import Dimension, Only
from backend.core.usage.hours import Period
from backend.core.usage.sums import Counts


@click.command()
@click.option(
    "--group-by",
    "by",
    multiple=True,
    type=click.Choice([name.value for name in Dimension]),
    default=(Dimension.DAY.value,),
    show_default=True,
    help="May be repeated.",
)
@click.option(
    "--days", type=click.IntRange(1, 3_650), default=30, show_default=True, help="Back."
)
@click.option("--csv", "as_csv", is_flag=True, help="For a spreadsheet.")
def usage(*, by: tuple[str, ...], days: int, as_csv: bool) -> None:
    """Tell what was used."""
    groups = [Dimension(name) for name in dict.fromkeys(by)]
    period = Period.around(datetime.now(UTC) - timedelta(days=days), None)
    with platform() as services:
        lines = services.usage.lines(period, Only(), by=groups)
    rows, fields = [line_view(line) for line in lines], line_fields(groups)
    if as_csv:
        click.echo(csv_text(rows, fields), nl=False)
        return
    total = Counts.total(line.counts for line in lines)
    rows.append(dict.fromkeys(fields, "") | {fields[0]: "total"} | counts_view(total))
    click.echo(_table(rows, fields))


def _table(rows: Sequence[dict[str, Any]], fields: Sequence[str]) -> str:
    cells = [list(fields), *([_text(row[name]) for name in fields] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in cells
    )


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return "-" if value is None else str(value)
