"""The table at the end of a run on a cluster."""

from __future__ import annotations

from dataclasses import dataclass

import pytest


@dataclass
class Row:
    """One line of the table."""

    name: str
    here: str
    argo: str
    pods: int
    seconds: float


ROWS = pytest.StashKey[list[Row]]()


def lines(rows: list[Row]) -> list[str]:
    """Markdown."""
    same = sum(row.here == row.argo for row in rows)
    return [
        "| construct | local | argo | pods | seconds |",
        "|---|---|---|--:|--:|",
        *(f"| {row.name} | {row.here} | {row.argo} | {row.pods} | {row.seconds:.0f} |" for row in rows),
        f"{len(rows)} constructs, {same} the same, {sum(row.pods for row in rows)} pods",
    ]
