"""The span of an instruction is the same in each Python version: the one that 3.11 records."""

from __future__ import annotations

import linecache
import sys
from typing import Any

import pytest

from typedpipe.diagnostics.source import resolve_spans

HEAD = "def main(n, other):\n    "


class Found(Exception):
    pass


class Value:
    """Whatever is done with it, it says where."""

    def where(self, *_):
        frame = sys._getframe(1)
        raise Found((frame.f_code, frame.f_lasti))

    __bool__ = __iter__ = __enter__ = __exit__ = __format__ = __eq__ = __contains__ = __getitem__ = where
    __hash__ = None  # type: ignore[assignment]  # it is never one's key


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("if n: pass", "if n: pass"),
        ("if (n): pass", "if (n): pass"),
        ("if not n: pass", "if not n: pass"),
        ("if other and n or 3: pass", "if other and n or 3: pass"),
        ("if (other if n else 3) or 4: pass", "if (other if n else 3) or 4: pass"),
        ("if (x := n): pass", "if (x := n): pass"),
        ("if n == 3: pass", "n == 3"),
        ("while n: pass", "while n: pass"),
        ("assert n, 'text'", "assert n, 'text'"),
        ("x = n if n else 3", "n if n else 3"),
        ("x = (n if n else 3) or 4", "n if n else 3"),
        ("x = print(n and 3)", "n and 3"),
        ("x = not n", "not n"),
        ("for x in n: pass", "for x in n: pass"),
        ("x = [x for x in n]", "[x for x in n]"),
        ("x = [x for x in 'é' if n]", "[x for x in 'é' if n]"),
        ("x = [y for x in [1] for y in n]", "[y for x in [1] for y in n]"),
        ("list(x for x in n)", "(x for x in n)"),
        ("x, y = n", "x, y"),
        ("with n: pass", "with n: pass"),
        ("with other, n as q: pass", "with other, n as q: pass"),
        ("x = f'é{n}b'", "f'é{n}b'"),
        ("x = f'{1:{n}}'", "f'{1:{n}}'"),
        ("x = 'a' f'{n:03d}'", "'a' f'{n:03d}'"),
        ("x = f\"{print(f'{n}')}\"", "f'{n}'"),
        ("x = 1 in n", "1 in n"),
        ("x = print(n[1])", "n[1]"),
    ],
)
def test_the_span_is_that_of_the_whole_on_each_python(line, shown):
    from contextlib import nullcontext

    names: dict[str, Any] = {}
    text, name = HEAD + line + "\n", f"<{line}>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    exec(compile(text, name, "exec"), names)
    with pytest.raises(Found) as found:
        names["main"](Value(), nullcontext())
    span = resolve_spans([found.value.args[0]])[0]
    del linecache.cache[name]
    assert (span.line, span.end_line) == (2, 2)
    assert text.splitlines()[1][span.column - 1 : span.end_column - 1] == shown


def test_what_is_no_instruction_is_the_first_line():
    code = compile("\n\nx = 1", "<nothing>", "exec")
    linecache.cache["<nothing>"] = (1, None, ["x"], "<nothing>")
    assert [span.line for span in resolve_spans([(code, -2), (code, 10_000)])] == [1, 1]
    del linecache.cache["<nothing>"]
