"""Schedules of CronWorkflows, by the rules of the library that Argo reads them with (``ParseStandard`` of robfig/cron).

Other cron libraries accept other schedules, such as 7 for Sunday.
"""

from __future__ import annotations

import re

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
_DURATION = re.compile(r"((\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h))+", re.ASCII)
_RANGE = re.compile(
    r"(?:[*?]|(?P<low>[a-z0-9]{1,9})(?:-(?P<high>[a-z0-9]{1,9}))?)(?:/(?P<step>\d{1,9}))?", re.ASCII | re.IGNORECASE
)


def fault(schedule: str) -> str:
    """The reason why Argo rejects a schedule; "" if it accepts it.

    >>> fault("0 3 * * mon-fri"), fault("@every 1h30m"), fault("61 3 * * *")
    ('', '', 'the minute `61` is not between 0 and 59')
    """
    if schedule.startswith("@every "):
        text = schedule.removeprefix("@every ")
        return "" if _DURATION.fullmatch(text) else f"`{text}` is not a duration in hours, minutes and seconds"
    if schedule.startswith("@"):
        return "" if schedule in _NAMED else f"there is no `{schedule}`"
    fields = schedule.split()
    if len(fields) != len(_FIELDS):
        return f"it has {len(fields)} field{'s'[: len(fields) != 1]} instead of 5"
    return next(filter(None, map(_field_fault, fields, range(5))), "")


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
