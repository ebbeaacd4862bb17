"""Text with everything in it that a template engine, a shell, JSON or YAML could take for its own syntax."""

from __future__ import annotations

from typing import NamedTuple

from typedpipe import dsl

HOSTILE = "{{workflow.name}} {{=1+1}} {{ $$ $(HOME) ${HOME} \x1b[31m \x7f \U000e0067 \u2028 \x00 '\"\\ '; rm -rf / # : - & * ! | > %20 \t\r\n end"
ENCODED = HOSTILE.encode().hex()


@dsl.component(base_image="python:3.11-slim")
def echo(text: str, constant: str = "") -> str:
    return text + constant


@dsl.component(base_image="python:3.11-slim")
def as_bytes(text: str, table: dict[str, str], texts: list[str]) -> str:
    assert set(table.values()) == {text}, table
    assert list(table) == [text], list(table)
    assert texts == [text, text], texts
    return text.encode().hex()


@dsl.component(base_image="python:3.11-slim")
def in_source() -> str:
    return "{{workflow.name}} $$ $(HOME) {{=1+1}} ''' {{"


@dsl.component(base_image="python:3.11-slim")
def joined(texts: list[str]) -> str:
    return "+".join(text.encode().hex() for text in texts)


class Outputs(NamedTuple):
    text: str
    encoded: str
    source: str
    looped: str
    formatted: str


@dsl.pipeline
def main(text: str = HOSTILE, texts: list[str] = [HOSTILE, "{{item}}"]) -> Outputs:
    once = echo(text=text)
    encoded = as_bytes(text=once.output, table={HOSTILE: once.output}, texts=[text, once.output])
    with dsl.ParallelFor(texts) as item:
        each = echo(text=item)
    looped = joined(texts=dsl.Collected(each.output))
    formatted = echo(text=f"<{once.output}|{{{{workflow.name}}}}>", constant=HOSTILE)
    return Outputs(once.output, encoded.output, in_source().output, looped.output, formatted.output)


EXPECTED = {
    "state": "SUCCEEDED",
    "outputs": {
        "text": HOSTILE,
        "encoded": ENCODED,
        "source": "{{workflow.name}} $$ $(HOME) {{=1+1}} ''' {{",
        "looped": ENCODED + "+" + b"{{item}}".hex(),
        "formatted": f"<{HOSTILE}|{{{{workflow.name}}}}>{HOSTILE}",
    },
}
