"""Names that the compiler uses itself, beside those of users' ports."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import typedpipe.compiler
from typedpipe.runtime.task import descriptor_key

COMPILER = Path(typedpipe.compiler.__file__).parent
OTHERS = {"tp-absent", "tp-lib", "tp-nothing", "tp-out"}
"""Volumes, templates and values."""


def names_of_ours() -> set[str]:
    """Names in the compiler's source, each up to its second hyphen."""
    found = [re.findall(r"\btp-[a-zA-Z0-9_]+\b(?!\{)", path.read_text("utf-8")) for path in COMPILER.rglob("*.py")]
    return {name for names in found for name in names} - OTHERS


@pytest.mark.parametrize("name", sorted(names_of_ours()))
def test_no_descriptor_has_a_name_of_ours(name: str) -> None:
    assert descriptor_key(name.removeprefix("tp-")) != name, "add it to the names in typedpipe/runtime/task.py"


def test_descriptors_have_different_names() -> None:
    keys = ["path", "artifact-path", "artifact_path", "e1", "e1a", "e", "model", "items", "item"]
    assert len({descriptor_key(key) for key in keys} | set(names_of_ours())) == len(keys) + len(names_of_ours())
