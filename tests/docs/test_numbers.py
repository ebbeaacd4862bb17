"""Limits that pages state are the limits in the code."""

from __future__ import annotations

from pathlib import Path

import pytest

from typedpipe.compiler.argo.workflow import CONTROLLER_BYTES, MOST_BYTES, SCRIPT_BYTES, WARN_BYTES
from typedpipe.dsl.source.files import LONGEST_CONSTANT
from typedpipe.local.caching.imports import LARGE
from typedpipe.local.scheduling.limits import MEMORY_OF_A_TASK
from typedpipe.local.store.names import LONGEST
from typedpipe.report.documents import BUDGET, LARGEST

DOCS = Path(__file__).parents[2] / "docs"


def kib(size: int) -> str:
    return f"{size >> 10} KiB"


def mib(size: int) -> str:
    return f"{size >> 20} MiB"


@pytest.mark.parametrize(
    ("page", "stated"),
    [
        ("errors/TP404.md", f"can have at most {kib(SCRIPT_BYTES)}"),
        ("errors/TP404.md", f"can have at most {kib(MOST_BYTES)}"),
        ("errors/TP407.md", f"more than {kib(WARN_BYTES)}"),
        ("errors/TP407.md", f"exceeds {kib(CONTROLLER_BYTES)}"),
        ("errors/TP407.md", f"the {kib(MOST_BYTES)}"),
        ("errors/TP137.md", f"up to {kib(LONGEST_CONSTANT)}"),
        ("errors/TP139.md", f"at most {kib(LONGEST_CONSTANT)}"),
        ("concepts.md", f"at most {kib(LONGEST_CONSTANT)}"),
        ("errors/TP611.md", f"up to {LONGEST} characters"),
        ("caching.md", f"larger than {LARGE >> 30} GiB"),
        ("running-here.md", f"per {mib(MEMORY_OF_A_TASK)}"),
        ("reports.md", f"Markdown larger than {mib(LARGEST['system.Markdown'])}"),
        ("reports.md", f"HTML larger than {mib(LARGEST['system.HTML'])}"),
        ("reports.md", f"at most {mib(BUDGET)}"),
    ],
)
def test_a_page_states_the_limit_of_the_code(page: str, stated: str) -> None:
    assert stated in " ".join((DOCS / page).read_text("utf-8").split())
