"""Tags of a run, as typed."""

from __future__ import annotations

import click


def parse_tag(text: str) -> tuple[str, str]:
    """A tag, ``NAME`` or ``NAME=VALUE``.

    >>> parse_tag("data=2026-01"), parse_tag("best")
    (('data', '2026-01'), ('best', ''))
    """
    name, _, value = text.partition("=")
    if not name.strip():
        raise click.UsageError(f"invalid tag `{text}`; use NAME=VALUE")
    return name.strip(), value
