"""Human-readable times, sizes and numbers."""

from __future__ import annotations

import math
from datetime import datetime
from decimal import Context, Decimal

_FIVE_DIGITS = Context(prec=5, Emax=999_999_999)


def duration(seconds: float) -> str:
    """A duration with a useful number of digits.

    >>> duration(0.0312), duration(4.21), duration(75), duration(3700), duration(200000)
    ('31 ms', '4.2 s', '1 min 15 s', '1 h 1 min', '2 d 7 h')
    """
    if seconds < 0.9995:
        return f"{max(seconds, 0.0) * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    units = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
    whole = round(seconds)
    at = next(index for index, (_, size) in enumerate(units) if whole >= size)
    (unit, size), (low, part) = units[at : at + 2]
    rest = whole % size // part
    return f"{whole // size} {unit}" + (f" {rest} {low}" if rest else "")


def tick(seconds: float) -> str:
    """A time on an axis: round times without redundant digits.

    >>> tick(0), tick(0.5), tick(2.0), tick(90)
    ('0', '0.5 s', '2 s', '1 min 30 s')
    """
    if seconds < 60:
        return f"{seconds:.3g} s" if seconds else "0"
    return duration(seconds)


def moment(time: float) -> str:
    """A date and time in the local time zone."""
    return datetime.fromtimestamp(time).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")


def machine_time(time: float) -> str:
    """The same for ``<time datetime>``."""
    return datetime.fromtimestamp(time).astimezone().isoformat(timespec="milliseconds")


def size(count: float) -> str:
    """A number of bytes.

    >>> size(12), size(2048), size(5_300_000)
    ('12 B', '2.0 KiB', '5.1 MiB')
    """
    if count < 1024:
        return f"{count:.0f} B"
    for unit in ("KiB", "MiB", "GiB"):
        count /= 1024
        if count < 1024:
            return f"{count:.1f} {unit}"
    return f"{count / 1024:.1f} TiB"


def figure(value: float) -> str:
    """A measured number: integers in full, others to five significant digits.

    >>> figure(1797), figure(0.9644444), figure(1e-9), figure(float("nan")), figure(123456 * 10**400)
    ('1,797', '0.96444', '1e-09', 'nan', '1.2346e+405')
    """
    if isinstance(value, bool):
        return str(value)
    if abs(value) < 1e15 and float(value).is_integer():
        return f"{int(value):,}"
    if isinstance(value, int) and math.isinf(as_float(value)):
        return f"{Decimal(value).normalize(_FIVE_DIGITS):g}"
    return f"{value:.5g}"


def as_float(value: float) -> float:
    """A number as a float; an integer that is too large for one is infinite.

    >>> as_float(3), as_float(-10**400)
    (3.0, -inf)
    """
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def counted(number: int, noun: str) -> str:
    """A count with its noun.

    >>> counted(1, "task"), counted(1200, "task")
    ('1 task', '1,200 tasks')
    """
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
