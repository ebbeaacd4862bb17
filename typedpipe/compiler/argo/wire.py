"""Text that passes through Argo's templating unchanged, and expressions that compute wire text from other text.

A *tag* is ``{{path}}`` or ``{{=expression}}``. Wire text never contains ``{{``, ``$`` or DEL, so user text is never
read as a tag, in any of Argo's passes (and Kubernetes has no ``$`` to expand).
"""

from __future__ import annotations

import json

from typedpipe.types.data import to_data
from typedpipe.types.model import Type

_SCALARS = frozenset(("int", "float", "bool", "str", "datetime"))


def is_boxed(type_: Type) -> bool:
    """Whether a loop must pass the values as wire text of wire text, because the controller parses lists and maps."""
    data = to_data(type_)
    return not isinstance(data, str) or data not in _SCALARS


def tag(expr: str) -> str:
    """An expression as a tag, which Argo replaces with its value."""
    return "{{=" + expr + "}}"


def esc(expr: str) -> str:
    """An expression that adds the same escapes to the JSON text of another expression, when the workflow runs."""
    once = f'sprig.replace("{{"+"{{","{{\\\\u007b",sprig.replace("$","\\\\u0024",{expr}))'
    return f'sprig.replace("\\u007f","\\\\u007f",{once})'


def string(text: str) -> str:
    r"""A string literal in Argo's expression language. It never ends a tag and never looks like one.

    >>> string('a"b'), string("{{x}}")
    ('"a\\"b"', '"{\\u007bx}\\u007d"')
    """
    out = json.dumps(text, ensure_ascii=not text.isprintable())
    if "{" in out or "}" in out or "$" in out or "\x7f" in out:
        out = out.replace("{{", "{\\u007b").replace("}}", "}\\u007d").replace("$", "\\u0024").replace("\x7f", "\\u007f")
    return out if text.isprintable() else _astral(text)


def _astral(text: str) -> str:
    """Replace JSON's surrogate pairs, which the expression language does not have, with eight-digit escapes."""
    out = "".join(c if c.isprintable() and c not in '"\\{}$' else f"\\U{ord(c):08x}" for c in text)
    return f'"{out}"'


RAW_BRACE = ("TP_LB", "{")
"""An environment variable that holds ``{``: Kubernetes substitutes it after Argo has looked for tags."""


def raw(text: str) -> str:
    """Escape raw text for a container's arguments and environment, so that Kubernetes restores the text itself."""
    if "$" in text:
        text = text.replace("$", "$$")
    return text.replace("{{", "{$(TP_LB)") if "{{" in text else text


def raw_expr(expr: str) -> str:
    """Escape like :func:`raw`, for the string that an expression returns when the workflow runs."""
    return f'sprig.replace("{{"+"{{","{{$(TP_LB)",sprig.replace("$","$$",{expr}))'
