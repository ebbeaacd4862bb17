"""Selection of rows if not all fit: failed and running ones, then those that ended last and those that come next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from typedpipe.cli.execution.live.tree import Live, Row
from typedpipe.cli.execution.live.view import LiveView

LOOKED_AT = 200
"""Maximum number of rows of each kind considered; a frame costs the same however large the pipeline is."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One line of the tree: a row, a task that runs for one item of a loop, or the number of rows omitted there."""

    guides: tuple[bool, ...]
    """For each level above, whether its line continues; the last one is the line's own."""
    row: Row | None = None
    live: Live | None = None
    left_out: str = ""


def choose(run: LiveView, height: int) -> list[Shown]:
    """Choose at most ``height`` lines."""
    tree = run.tree
    rows = list(islice(_all(run, tree.top), height + 1))
    if len(rows) <= height:
        chosen = set(rows)
        spare = height - len(rows)
    else:
        chosen = _important(run, height)
        spare = 0
    grouped: dict[Row | None, list[Row]] = {}
    for row in chosen:
        grouped.setdefault(row.parent, []).append(row)
    return list(_lines(run, tree.top, grouped, (), spare))[:height]


def _all(run: LiveView, rows: Iterable[Row]) -> Iterator[Row]:
    """Rows in order, each group before its contents. The depth is that of the pipeline, bounded by the height."""
    for row in rows:
        yield row
        if row.group:
            yield from _all(run, run.tree.children(row))


def _important(run: LiveView, height: int) -> set[Row]:
    chosen: set[Row] = set()
    used = 1  # the number of omitted rows at the top

    def add(row: Row) -> bool:
        nonlocal used
        chain = [step for step in row.above() if step not in chosen]
        cost = len(chain) + sum(step.parent is not None for step in chain)  # a remark in each opened group
        if used + cost > height:
            return False
        used += cost
        chosen.update(chain)
        return True

    for kind in _candidates(run, height):
        misses = 0
        for row in islice(kind, LOOKED_AT):
            if row not in chosen and not add(row):
                misses += 1
                if misses > 3 or used >= height:
                    break
    return chosen


def _candidates(run: LiveView, height: int) -> Iterator[Iterable[Row]]:
    yield list(run.failed)[: max(1, height // 3)]
    running = list(dict.fromkeys(live.row for live in islice(run.live.values(), LOOKED_AT)))
    yield running
    yield (row.scope[row.index + 1] for row in running if 0 <= row.index < len(row.scope) - 1)
    yield reversed(run.recent)
    yield _all(run, run.tree.top)


def _lines(
    run: LiveView, rows: list[Row], chosen: dict[Row | None, list[Row]], guides: tuple[bool, ...], spare: int
) -> Iterator[Shown]:
    """Lines of one group. ``spare`` lines are available for tasks in loops, item by item."""
    some = sorted(chosen.get(rows[0].parent, ()), key=_order) if rows else []
    rest = _left_out(run, rows, some)
    for number, row in enumerate(some):
        here = (*guides, bool(rest) or number < len(some) - 1)
        yield Shown(here, row)
        if row.children:
            yield from _lines(run, row.children, chosen, here, spare)
        elif row.many and row.runs and not row.group:
            each = list(islice(row.runs.values(), max(0, spare)))
            spare -= len(each)
            for place, live in enumerate(each):
                yield Shown((*here, place < len(each) - 1), row, live)
    if rest:
        yield Shown((*guides, False), left_out=rest)


def _order(row: Row) -> tuple[int, int]:
    return (row.arm, row.index) if row.index >= 0 else (len(row.scope), 0)


def _left_out(run: LiveView, rows: list[Row], some: list[Row]) -> str:
    """Summary of the rows of a group that are not shown."""
    hidden = len(rows) - len(some)
    if not hidden:
        return ""
    above = rows[0].parent
    if rows[0].many:
        return f"{hidden:,} more"
    running = run.tree.running_top if above is None else above.running_children
    running -= sum(row.live > 0 for row in some)
    ended = run.tree.ended_top if above is None else above.ended_children
    ended -= sum(row.over for row in some)
    counts = {"running": running, "ended": ended, "waiting": hidden - running - ended}
    said = ", ".join(f"{count:,} {word}" for word, count in counts.items() if count > 0)
    return f"{hidden:,} more: {said}"
