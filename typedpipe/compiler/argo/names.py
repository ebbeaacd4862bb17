"""Names of templates and tasks: the user's if Argo and Kubernetes take them, otherwise a slug and a number."""

from __future__ import annotations

import hashlib

_WORDS = frozenset(
    [
        "in",
        "not",
        "or",
        "and",
        "matches",
        "contains",
        "startsWith",
        "endsWith",
        "let",
        "if",
        "else",
        "true",
        "false",
        "nil",
        "null",
    ]
)
"""Operators of the language of ``depends``: a task with such a name cannot be a dependency."""
_LOWER = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz")
LONGEST = 60


def slug(name: str) -> str:
    """Lower case letters, digits and hyphens, a letter first; never empty.

    >>> slug("My_Train step"), slug("größe"), slug("2nd")
    ('my-train-step', 'gr-e', 't-2nd')
    """
    if _LOWER.issuperset(name) and name[:1] in _LETTERS and name[-1:] != "-" and len(name) <= LONGEST:
        return name
    text = "".join(c if c in _LOWER else " " for c in name.lower())
    short = "-".join(part for part in "-".join(text.split()).split("-") if part)[:LONGEST].strip("-")
    return short if short[:1] in _LETTERS else f"t-{short}" if short else "t"


class Names:
    """Unique names: a duplicate gets a number, in the order of the requests."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def give(self, wanted: str) -> str:
        """A free name similar to the wanted one.

        >>> names = Names(); names.give("map"), names.give("in"), names.give("Map")
        ('map', 'in-task', 'map-2')
        """
        name = slug(wanted)
        if name in _WORDS:
            name += "-task"
        if name in self._taken:
            count = 2
            while f"{name}-{count}" in self._taken:
                count += 1
            name = f"{name}-{count}"
        self._taken.add(name)
        return name


def digest(text: str, length: int = 8) -> str:
    """First digits of a text's sha256, for names that distinguish configurations."""
    return hashlib.sha256(text.encode()).hexdigest()[:length]
