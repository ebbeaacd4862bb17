"""Partition of a graph with more tasks than a DAG may have.

Tasks that do not depend on one another stay in separate parts or side by side, so that a failure stops no more than it
would in one DAG; connected tasks are cut along the order of the tasks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

LIMIT = 200
"""Maximum number of tasks per DAG and templates per workflow: Argo 4's CRDs reject more."""


def partition(deps: Mapping[str, Sequence[str]], limit: int = LIMIT) -> dict[str, int]:
    """Part number of each node. ``deps`` maps nodes, in order, to the earlier nodes they depend on.

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
    """Connected components of nodes, by the edges among them, in order."""
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
