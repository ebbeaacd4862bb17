"""Names that a user's file imports for type checkers only. Used if an annotation cannot be resolved."""

from __future__ import annotations

import linecache


def only_for_checking(name: str, file: object) -> bool:
    """Whether the file imports or defines the name under ``if TYPE_CHECKING:``."""
    if not isinstance(file, str):
        return False
    import ast  # an error will be reported: the cost does not matter

    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except SyntaxError:
        return False
    guards = [node for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)]
    for guard in guards:
        for node in (inner for statement in guard.body for inner in ast.walk(statement)):
            if isinstance(node, ast.alias) and name == (node.asname or node.name.partition(".")[0]):
                return True
            if isinstance(node, ast.ClassDef) and node.name == name:
                return True
    return False
