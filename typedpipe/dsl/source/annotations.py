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


def alias_names(value: ast.expr) -> dict[str, None]:
    """Names in the expression of a type alias, those in types that are written as text included."""
    return {part.id: None for part in _with_texts(value) if isinstance(part, ast.Name)}


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
    """The parts of an annotation, and those of types that are written as text."""
    pending: list[tuple[ast.AST, bool]] = [(annotation, True)]
    for part, is_type in pending:
        yield part
        if isinstance(part, ast.Subscript):
            pending += [(part.value, True), *_arguments(part, is_type)]
        else:
            inner = is_type and not isinstance(part, ast.Call)
            pending += [(child, inner) for child in ast.iter_child_nodes(part)]
        if is_type and isinstance(part, ast.Constant) and isinstance(part.value, str):
            try:
                yield from ast.walk(ast.parse(part.value, mode="eval"))
            except SyntaxError:
                continue  # text that is no type: of metadata


def _arguments(node: ast.Subscript, is_type: bool) -> Iterator[tuple[ast.AST, bool]]:
    """The arguments of a generic type, and whether each is a type: not those of Literal, nor metadata in Annotated."""
    name = ast.unparse(node.value).rpartition(".")[2]
    items = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    for number, item in enumerate(items):
        yield item, is_type and name != "Literal" and (name != "Annotated" or number == 0)
