"""Task spec for the runtime in a container: the component's interface and source as JSON data."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any

from typedpipe.ir import nodes as ir
from typedpipe.types.data import to_data

_WIRE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
_LONGEST = 60


def task_spec(component: ir.Component) -> dict[str, Any]:
    """Interface and source of a Python component, as expected by ``runtime.task.main``.

    >>> from typedpipe.ir.nodes import Chunk, PythonImpl
    >>> add = ir.Component("add", (), (), PythonImpl("add", (Chunk("def add(): pass"),)), "python:3.11")
    >>> task_spec(add)["chunks"]
    [['<component add>', 1, 'def add(): pass']]
    """
    impl = component.impl
    if isinstance(impl, ir.ContainerImpl):
        raise TypeError(f"`{component.name}` is a container component, which has a command and no source")
    unnamed = f"<component {component.name}>"
    spec: dict[str, Any] = {
        "component": component.name,
        "entry": impl.entry,
        "returns": impl.returns,
        "inputs": [
            [port.name, port_key(port.name), port.how, to_data(port.type), port.default.text if port.default else None]
            for port in component.inputs
        ],
        "outputs": [[port.name, port_key(port.name), port.how, to_data(port.type)] for port in component.outputs],
        "chunks": [
            [chunk.file or unnamed, chunk.line, chunk.text, *([chunk.module] if chunk.module else [])]
            for chunk in impl.chunks
        ],
    }
    if impl.packages:
        spec["packages"] = list(impl.packages)
        spec["index_urls"] = list(impl.pip_index_urls)
        spec["trusted_hosts"] = list(impl.pip_trusted_hosts)
    return spec


@lru_cache(maxsize=4096)
def port_key(name: str) -> str:
    """The wire name of a port: unchanged if engines allow it, otherwise a slug and a hash.

    Names that begin with ``tp-`` get a hash too, because descriptors use this prefix.

    >>> port_key("learning_rate"), port_key("größe")
    ('learning_rate', 'gr-e-d353a267')
    """
    if name and len(name) <= _LONGEST and not name.startswith("tp-") and _WIRE.issuperset(name):
        return name
    slug = "".join(c if c in _WIRE else " " for c in name)
    short = "-".join(slug.split())[: _LONGEST - 9].removeprefix("tp-")
    return f"{short or 'port'}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
