"""Schedules of CronWorkflows, by the rules of the library that Argo reads them with (``ParseStandard`` of robfig/cron).

Other cron libraries accept other schedules, such as 7 for Sunday.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("weekday", 0, 6, _DAYS),
)
"""Name, least and greatest number of each field, and words for its numbers."""
_NAMED = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")
_LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
"""Days of each month, at most."""
_DURATION = re.compile(r"((\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h))+", re.ASCII)
_RANGE = re.compile(
    r"(?:[*?]|(?P<low>[a-z0-9]{1,9})(?:-(?P<high>[a-z0-9]{1,9}))?)(?:/(?P<step>\d{1,9}))?", re.ASCII | re.IGNORECASE
)


def fault(schedule: str) -> str:
    """The reason why Argo rejects a schedule or never starts it; "" if there is none.

    >>> fault("0 3 * * mon-fri"), fault("@every 1h30m"), fault("61 3 * * *")
    ('', '', 'the minute `61` is not between 0 and 59')
    >>> fault("0 0 30 2 *")
    'it never fires: none of its months has such a day'
    """
    if schedule.startswith("@every "):
        text = schedule.removeprefix("@every ")
        return "" if _DURATION.fullmatch(text) else f"`{text}` is not a duration in hours, minutes and seconds"
    if schedule.startswith("@"):
        return "" if schedule in _NAMED else f"there is no `{schedule}`"
    fields = schedule.split()
    if len(fields) != len(_FIELDS):
        return f"it has {len(fields)} field{'s'[: len(fields) != 1]} instead of 5"
    wrong = next(filter(None, map(_field_fault, fields, range(5))), "")
    return wrong or ("" if _fires(*fields[2:]) else "it never fires: none of its months has such a day")


def _fires(days: str, months: str, weekdays: str) -> bool:
    """Whether there is such a date. If days and weekdays are both restricted, either is enough."""
    if not any(part in ("*", "?", "*/1", "?/1") for part in weekdays.split(",")):
        return True
    return any(min(_numbers(days, 2)) <= _LONGEST[month - 1] for month in _numbers(months, 3))


def _numbers(text: str, index: int) -> Iterator[int]:
    """The numbers that a valid field selects."""
    _, least, greatest, words = _FIELDS[index]
    for part in text.split(","):
        match = _RANGE.fullmatch(part)
        assert match is not None
        low, high, step = _number(match["low"], words, least), _number(match["high"], words, least), match["step"]
        first = least if low is None else low
        last = high if high is not None else first if low is not None and step is None else greatest
        yield from range(first, last + 1, int(step or 1))


def _field_fault(text: str, index: int) -> str:
    name, least, greatest, words = _FIELDS[index]
    for part in text.split(","):
        match = _RANGE.fullmatch(part)
        if match is None:
            return f"`{part}` is not valid as the {name}"
        low, high = (_number(match[side], words, least) for side in ("low", "high"))
        for number, side in ((low, "low"), (high, "high")):
            if match[side] is not None and (number is None or not least <= number <= greatest):
                return f"the {name} `{match[side]}` is not between {least} and {greatest}"
        if low is not None and high is not None and low > high:
            return f"the range `{part}` ends before it begins"
        if match["step"] is not None and int(match["step"]) == 0:
            return f"the step of `{part}` is 0"
    return ""


def _number(text: str | None, words: tuple[str, ...], least: int) -> int | None:
    if text is None:
        return None
    if text.lower() in words:
        return words.index(text.lower()) + least
    return int(text) if text.isdigit() else None
