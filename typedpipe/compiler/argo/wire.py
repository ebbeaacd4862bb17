"""Texts that go through Argo's templating unharmed, and its expressions that make wire text of other text.

A *tag* is ``{{path}}`` or ``{{=expression}}``. Wire text never holds ``{{``, ``$`` or DEL, so nothing that a user wrote
is read as a tag, whichever of Argo's passes sees it (and Kubernetes has no ``$`` to expand).
"""

from __future__ import annotations

import json

from typedpipe.types.data import to_data
from typedpipe.types.model import Type

_SCALARS = frozenset(("int", "float", "bool", "str", "datetime"))


def is_boxed(type_: Type) -> bool:
    """Whether a loop must hand the values on in wire text of wire text, for the controller reads lists and maps."""
    data = to_data(type_)
    return not isinstance(data, str) or data not in _SCALARS


def tag(expr: str) -> str:
    """An expression as a tag, which Argo replaces with what it gives."""
    return "{{=" + expr + "}}"


def esc(expr: str) -> str:
    """An expression that gives the JSON text of another one the same escapes, when the workflow runs."""
    once = f'sprig.replace("{{"+"{{","{{\\\\u007b",sprig.replace("$","\\\\u0024",{expr}))'
    return f'sprig.replace("\\u007f","\\\\u007f",{once})'


def string(text: str) -> str:
    r"""A string literal of Argo's expression language. It never ends a tag and never looks like one.

    >>> string('a"b'), string("{{x}}")
    ('"a\\"b"', '"{\\u007bx}\\u007d"')
    """
    out = json.dumps(text, ensure_ascii=not text.isprintable())
    if "{" in out or "}" in out or "$" in out or "\x7f" in out:
        out = out.replace("{{", "{\\u007b").replace("}}", "}\\u007d").replace("$", "\\u0024").replace("\x7f", "\\u007f")
    return out if text.isprintable() else _astral(text)


def _astral(text: str) -> str:
    """JSON's surrogate pairs are no escapes of the expression language: eight digits are."""
    out = "".join(c if c.isprintable() and c not in '"\\{}$' else f"\\U{ord(c):08x}" for c in text)
    return f'"{out}"'


RAW_BRACE = ("TP_LB", "{")
"""An environment variable that holds ``{``: Kubernetes puts it in after Argo has looked for tags."""


def raw(text: str) -> str:
    """Raw text, for a container's arguments and environment: what Kubernetes makes of it is the text itself."""
    if "$" in text:
        text = text.replace("$", "$$")
    return text.replace("{{", "{$(TP_LB)") if "{{" in text else text


def raw_expr(expr: str) -> str:
    """The same for the string that an expression gives when the workflow runs."""
    return f'sprig.replace("{{"+"{{","{{$(TP_LB)",sprig.replace("$","$$",{expr}))'
