"""Every construct compiled for each version of Argo: valid by that version's schema, or rejected with a reason."""

from __future__ import annotations

import pytest
from cases import NAMES, NEEDS_MORE, load

from tests.argo_schema import VERSIONS, valid
from typedpipe.compiler import driver
from typedpipe.diagnostics.errors import PipelineError


@pytest.mark.parametrize("target", VERSIONS)
@pytest.mark.parametrize("name", NAMES)
def test_construct(name: str, target: str) -> None:
    if target == "3.6" and name in NEEDS_MORE:
        with pytest.raises(PipelineError, match=NEEDS_MORE[name]):
            driver.compile(load(name).traced, "argo", {"target": target})
        return
    (text,) = driver.compile(load(name).traced, "argo", {"target": target}).values()
    valid(text, target)
