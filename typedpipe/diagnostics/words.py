"""Phrases that several diagnostics share."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(name: str, names: Iterable[str]) -> str:
    """The name that was probably meant, or "".

    >>> nearest("epoch", ["epochs", "rate"])
    'epochs'
    """
    from difflib import get_close_matches  # only needed after an error

    found = get_close_matches(name, list(names), 1)
    return found[0] if found else ""
