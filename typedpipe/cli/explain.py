"""``typedpipe explain``: print the page of a diagnostic code."""

from __future__ import annotations

from pathlib import Path

import click

from typedpipe.diagnostics.codes import CODES

_PACKAGED = Path(__file__).parent.parent / "diagnostics" / "pages"
_CHECKOUT = Path(__file__).parent.parent.parent / "docs" / "errors"


@click.command("explain", help="Print the error page for CODE, such as TP201. Without CODE, list all codes.")
@click.argument("code", required=False)
def command(code: str | None) -> None:
    if code is None:
        click.echo("\n".join(f"{key}  {title}" for key, title in sorted(CODES.items())))
        return
    page = read_page(code.upper())
    if page is None:
        from difflib import get_close_matches

        near = get_close_matches(code.upper(), CODES, 3)
        raise click.UsageError(f"unknown code {code!r}" + (f": did you mean {', '.join(near)}?" if near else ""))
    click.echo(page, nl=False)


def read_page(code: str) -> str | None:
    """The page of a code, from the installed package or from a checkout."""
    if code not in CODES:
        return None
    for folder in (_PACKAGED, _CHECKOUT):
        path = folder / f"{code}.md"
        if path.is_file():
            return path.read_text(encoding="utf-8")
    return None
