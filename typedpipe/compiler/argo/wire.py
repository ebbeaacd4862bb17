"""Text that passes through Argo's templating and Kubernetes' expansion unchanged.

Wire text never contains ``{{``, ``$`` or DEL, so user text is never
read as a tag (:mod:`typedpipe.compiler.argo.templates`), in any of Argo's passes (and Kubernetes has no ``$`` to expand).
"""

from __future__ import annotations

from typedpipe.types.data import to_data
from typedpipe.types.model import Type

_SCALARS = frozenset(("int", "float", "bool", "str", "datetime"))


def is_boxed(type_: Type) -> bool:
    """Whether a loop must pass the values as wire text of wire text, because the controller parses lists and maps."""
    data = to_data(type_)
    return not isinstance(data, str) or data not in _SCALARS


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
