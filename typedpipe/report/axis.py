"""Time axis: maps seconds to fractions of the width. Long idle stretches are cut out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_STEPS = (
    *(step * scale for scale in (0.001, 0.01, 0.1, 1.0) for step in (1.0, 2.0, 5.0)),
    *(10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 14400.0, 43200.0, 86400.0),
)
_TICKS = 8
_IDLE = 30.0
"""Shorter pauses are not cut out."""
_GAP = 0.03
"""The fraction of the width that a cut takes."""


@dataclass(frozen=True, slots=True)
class Axis:
    """A time axis. ``stretches`` are shown to scale, one after the other, with cuts between them."""

    stretches: Sequence[tuple[float, float]]

    @property
    def shown(self) -> float:
        """Number of seconds shown."""
        return sum(end - start for start, end in self.stretches)

    def at(self, time: float) -> float:
        """Position of a time, in percent.

        >>> Axis([(0.0, 10.0)]).at(2.5)
        25.0
        """
        scale = (1 - _GAP * (len(self.stretches) - 1)) / (self.shown or 1.0)
        left = 0.0
        for number, (start, end) in enumerate(self.stretches):
            if time <= end or number == len(self.stretches) - 1:
                return 100 * min(1.0, left + max(0.0, min(time, end) - start) * scale)
            left += (end - start) * scale + _GAP
        return 0.0

    def ticks(self) -> list[tuple[float, float]]:
        """(seconds since the start, percent) of the grid lines."""
        begun = self.stretches[0][0]
        step = next((step for step in _STEPS if self.shown / step <= _TICKS), 0.0) or self._days()
        found: list[tuple[float, float]] = []
        for start, end in self.stretches:
            number = -(-(start - begun) // step) if start > begun else 0.0
            while begun + number * step <= end:
                found.append((number * step, self.at(begun + number * step)))
                number += 1
        return found

    def cuts(self) -> list[tuple[float, float]]:
        """(percent of the middle, seconds omitted) of the cuts."""
        pairs = zip(self.stretches, self.stretches[1:], strict=False)
        return [(self.at(before[1]) + 50 * _GAP, after[0] - before[1]) for before, after in pairs]

    def _days(self) -> float:
        return 86400.0 * max(1, -(-self.shown // (86400 * _TICKS)))


def axis(begun: float, ended: float, busy: Iterable[tuple[float, float]]) -> Axis:
    """The axis of a run with these busy intervals.

    >>> axis(0.0, 1010.0, [(0.0, 5.0), (1000.0, 1010.0)]).stretches
    [(0.0, 5.0), (1000.0, 1010.0)]
    """
    merged: list[tuple[float, float]] = [(begun, begun)]
    for start, end in sorted(busy):
        if start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    merged.append((ended, max(ended, merged[-1][1])))
    active = sum(end - start for start, end in merged)
    stretches = [merged[0]]
    for start, end in merged[1:]:
        if start - stretches[-1][1] > max(_IDLE, 2 * active):
            stretches.append((start, end))
        else:
            stretches[-1] = (stretches[-1][0], max(end, stretches[-1][1]))
    return Axis([*stretches[:-1], (stretches[-1][0], max(stretches[-1][1], stretches[-1][0] + 0.001))])
