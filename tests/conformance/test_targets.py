"""Every construct compiled for each version of Argo: valid by that version's schema, by default for the oldest."""

from __future__ import annotations

import pytest
from cases import NAMES, load

from tests.argo_schema import VERSIONS, valid
from typedpipe.compiler import driver


@pytest.mark.parametrize("target", VERSIONS)
@pytest.mark.parametrize("name", NAMES)
def test_construct(name: str, target: str) -> None:
    (text,) = driver.compile(load(name).traced, "argo", {"target": target}).values()
    valid(text, target)
    if target == "3.6":
        assert (text,) == tuple(driver.compile(load(name).traced, "argo", {}).values())
