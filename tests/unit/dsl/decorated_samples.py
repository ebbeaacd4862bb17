"""Components and pipelines as a module of a user has them."""

from __future__ import annotations

from typedpipe import dsl


@dsl.component(base_image="python:3.12")
def train(rows: int, rate: float = 0.1, *, name: str = "m") -> list[float]:
    """Train a model.

    Args:
        rows: Number of rows.
    """
    return [rate] * rows


@dsl.component
def written(text: str, out: dsl.OutputPath[str] = dsl.OUT) -> None:
    """Write a text."""


@dsl.container_component
def shell(text: str) -> dsl.ContainerSpec:
    """Print a text."""
    return dsl.ContainerSpec(image="alpine", command=["echo", text])


@dsl.pipeline(name="the-whole")
def whole(rows: int = 1) -> list[float]:
    """Train once."""
    return train(rows=rows).output


@dsl.component
def plain(n: int) -> int:
    return n
