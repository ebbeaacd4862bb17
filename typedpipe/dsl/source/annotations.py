"""Names in annotations that libraries evaluate when the shipped source runs: of fields, and of decorated functions."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator


def annotation_names(node: ast.AST) -> dict[str, None]:
    """Names in annotations that libraries evaluate: of a class's fields, and of functions with a decorator."""
    found: dict[str, None] = {}
    pending: list[ast.AST] = [node]
    for statement in pending:
        if isinstance(statement, ast.ClassDef):
            pending.extend(statement.body)
        for annotation in _annotations(statement):
            for part in _with_texts(annotation):
                if isinstance(part, ast.Name):
                    found[part.id] = None
    return found


_NOT_EVALUATED = frozenset({"NamedTuple", "TypedDict", "Enum", "IntEnum", "StrEnum", "Exception"})


def inner_annotation_names(function: ast.FunctionDef | ast.AsyncFunctionDef) -> dict[str, None]:
    """Names in annotations in a function's body that libraries evaluate, such as those of a pydantic model."""
    found: dict[str, None] = {}
    for statement in function.body:
        for node in ast.walk(statement):
            if isinstance(node, ast.ClassDef):
                bases = {base.id if isinstance(base, ast.Name) else "" for base in node.bases}
                if not bases or bases & _NOT_EVALUATED:
                    continue
            elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            found.update(annotation_names(node))
    return found


def _annotations(statement: ast.AST) -> Iterator[ast.expr]:
    if isinstance(statement, ast.AnnAssign):
        yield statement.annotation
    elif isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef) and statement.decorator_list:
        yield from (
            part.annotation for part in ast.walk(statement.args) if isinstance(part, ast.arg) and part.annotation
        )
        if statement.returns is not None:
            yield statement.returns


def _with_texts(annotation: ast.expr) -> Iterable[ast.AST]:
    for part in ast.walk(annotation):
        yield part
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            try:
                yield from ast.walk(ast.parse(part.value, mode="eval"))
            except SyntaxError:
                continue  # the string of a Literal
