"""The form of the markers that stand for pipeline values in text: how they and their rests are recognised."""

from __future__ import annotations

import re
from typing import Final

HEAD, TAIL = "7eD95cB1fA", "Ec4bF8d0"
START = "tPvZqXwK"
NO_TEXT = "\U000f0003"
"""Stands in the text of an object that no text may contain, such as a task."""
_LEAST: Final = 6
"""The length of a rest of a marker that is recognised: shorter ones occur in ordinary text."""


def _rests() -> str:
    words = [word[at : at + _LEAST] for word in (HEAD, TAIL, START) for at in range(len(word) - _LEAST + 1)]
    return "|".join([*words, f"(?i:{HEAD})", f"(?i:{START})", NO_TEXT, re.escape(r"\U000f0003"), r"\\udb80\\udc03"])


_OURS: Final = re.compile(_rests())
_SHOWN: Final = re.compile(
    f"(?s:(<[^<>]*>) {START}.*?(?:{TAIL}|$)|(?:{START}|0x{HEAD}|{NO_TEXT}(?!<)).*?(?:{TAIL}|$)|{NO_TEXT}(<[^<>]*>))"
)


def present(text: str) -> bool:
    """Whether the text has a marker, intact or damaged.

    >>> present("a1b2c3"), present("n=0x7eD95cB1fA0001")
    (False, True)
    """
    return _OURS.search(text) is not None


def shown(text: str) -> str:
    """A message with pipeline values as ``{…}``, or as ``repr()`` describes them, instead of markers.

    >>> shown("0x7eD95cB1fA00010000007a6aEc4bF8d0 items")
    '{…} items'
    """
    return _SHOWN.sub(lambda match: match[1] or match[2] or "{…}", text)
