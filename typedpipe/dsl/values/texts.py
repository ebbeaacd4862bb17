"""Text with pipeline values: its markers are read back when the text is used."""

from __future__ import annotations

from typing import Any, Final

from typedpipe.dsl.marker_form import present
from typedpipe.dsl.tracing import Trace, error
from typedpipe.dsl.values import markers
from typedpipe.dsl.values.subjects import Subject, span_of_subject
from typedpipe.dsl.values.value import PipelineValue, derived
from typedpipe.ir import nodes as ir
from typedpipe.types.model import STR, EnumType, UnionType
from typedpipe.types.texts import member_texts
from typedpipe.types.values import NotAConstant, constant

_UNCHANGED: Final = 'pass the f-string unchanged: `f"{a}-{b}"`'
_DAMAGE: Final = {
    "": (
        "was changed after it was created",
        f"{_UNCHANGED}; split, replace, slice, wrap or escape the text in a component",
    ),
    "shell": (
        "was quoted for a shell before the value is known",
        "pass the value to the component as a separate input, and to the shell as an argument: `sh -c '… \"$1\"' sh VALUE`",
    ),
    "html": (
        "was escaped for HTML before the value is known",
        "pass the value to the component as a separate input, and escape it there",
    ),
    "yaml": (
        "was written as YAML before the value is known",
        "pass the value to the component as a separate input, in a dict if you like, and call `yaml.dump` there; "
        "or write JSON with `json.dumps`, which is valid YAML",
    ),
    "repr": (
        "was converted with `repr()` or `!r` before the value is known",
        'apply `!r` to the value itself: `f"{value!r}"`',
    ),
}


def read(trace: Trace, text: str, subject: Subject) -> Any:
    """The text as a constant, or as a reference to assemble; None after an error was reported."""
    if not present(text):
        try:
            return ir.Const(*constant(text))
        except NotAConstant as problem:
            error("TP114", f"{subject} cannot be passed to a task", span_of_subject(subject), str(problem))
            return None
    found = markers.pieces(trace, text)
    if not isinstance(found, markers.Damage):
        return text_value(trace, found)
    if found.by == "foreign":
        _foreign(subject)
    else:
        _damaged(trace, subject, found.by)
    return None


def text_value(trace: Trace, parts: markers.Pieces) -> PipelineValue:
    """The value of text with values in it."""
    inserted = [part for part in parts if not isinstance(part, str)]
    children = tuple(part.inserted.value for part in inserted)

    def build(ops: tuple[Any, ...]) -> ir.Expr:
        left = iter(ops)
        return ir.Format(tuple(part if isinstance(part, str) else _part(part, next(left)) for part in parts))

    return derived(trace, STR, build, children, site=inserted[0].inserted.site if inserted else None)


def _part(piece: markers.Piece, operand: ir.Operand) -> ir.FormatPart:
    value, spec = piece.inserted.value, piece.inserted.spec
    type_ = value._tp_type
    table = member_texts(type_, spec, piece.conversion) if isinstance(type_, EnumType | UnionType) else ()
    return ir.FormatPart(operand, spec, piece.conversion, piece.escapes, table)


def _damaged(trace: Trace, subject: Subject, by: str) -> None:
    markers.told(trace)
    if trace.decided:
        return  # the source check has reported what was done to the text, or to another one
    what, help_ = _DAMAGE[by]
    error("TP159", f"{subject} is text that contains a pipeline value and {what}", span_of_subject(subject), help=help_)


def _foreign(subject: Subject) -> None:
    error(
        "TP158",
        f"{subject} is text that contains a value of another pipeline",
        span_of_subject(subject),
        help="add an input to this pipeline, and pass the value when you call the pipeline",
    )
