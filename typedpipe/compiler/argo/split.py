"""A graph of more tasks than a DAG may have, as several parts.

Tasks that have nothing to do with one another stay apart or side by side, so that a failure stops no more than it would
in one DAG; what hangs together is cut along the order of the tasks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

LIMIT = 200
"""Tasks a DAG and templates a workflow: Argo 4's CRDs refuse more."""


def partition(deps: Mapping[str, Sequence[str]], limit: int = LIMIT) -> dict[str, int]:
    """The number of the part of each node. ``deps`` maps nodes, in order, to earlier ones that they wait for.

    >>> partition({"a": [], "b": ["a"], "c": [], "d": ["b"]}, 2)
    {'a': 0, 'b': 0, 'd': 1, 'c': 2}
    """
    parts: list[list[str]] = []
    small: list[str] = []
    for group in _components(list(deps), deps):
        if len(group) > limit:
            parts += _cut(group, deps, limit)
        elif len(small) + len(group) > limit:
            parts.append(small)
            small = list(group)
        else:
            small += group
    if small:
        parts.append(small)
    return {node: number for number, part in enumerate(parts) for node in part}


def _cut(group: list[str], deps: Mapping[str, Sequence[str]], limit: int) -> list[list[str]]:
    chunks = [group[start : start + limit] for start in range(0, len(group), limit)]
    apart = [part for chunk in chunks for part in _components(chunk, deps)]
    return apart if len(apart) <= limit // 2 else chunks


def _components(nodes: list[str], deps: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Groups of nodes that hang together by edges among themselves, in order."""
    parent = {node: node for node in nodes}

    def root(node: str) -> str:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for node in nodes:
        for other in deps[node]:
            if other in parent:
                parent[root(node)] = root(other)
    groups: dict[str, list[str]] = {}
    for node in nodes:
        groups.setdefault(root(node), []).append(node)
    return list(groups.values())
