"""YAML of a saved pipeline in all its variants, without the packed runtime."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from typedpipe.compiler import Compiler
from typedpipe.diagnostics.errors import PipelineError
from typedpipe.ir import wire

VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "3.6.Workflow": {"target": "3.6"},
    "3.7.Workflow": {"target": "3.7"},
    "4.0.Workflow": {"target": "4.0"},
    "4.1.Workflow": {"target": "4.1"},
    "3.7.WorkflowTemplate": {"target": "3.7", "kind": "WorkflowTemplate"},
    "3.7.CronWorkflow": {"target": "3.7", "kind": "CronWorkflow", "schedule": "0 3 * * *"},
}
PLAIN = "3.6.Workflow"
"""The variant that `typedpipe compile` writes when nothing is said."""
_RUNTIME = re.compile(r"^( *)typedpipe\.dev/runtime: \|\n(?:\1 .*\n|\n)*", re.MULTILINE)


def masked(text: str) -> str:
    """A manifest with a word in place of the runtime.

    >>> masked("a:\\n  typedpipe.dev/runtime: |\\n    exec(1)\\n\\n    2\\n  b: 3\\n")
    'a:\\n  typedpipe.dev/runtime: (masked)\\n  b: 3\\n'
    """
    return _RUNTIME.sub(r"\1typedpipe.dev/runtime: (masked)\n", text)


def manifests(saved: Path) -> dict[str, str]:
    """By target and kind; where a target refuses the pipeline, the codes of what it says."""
    pipeline = wire.load(saved)
    found: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "manifest.yaml"
        for variant, options in VARIANTS.items():
            try:
                Compiler().compile(pipeline, written, **options)
            except PipelineError as error:
                found[variant] = "".join(f"# refused: {item.code}\n" for item in error.diagnostics)
            else:
                found[variant] = masked(written.read_text(encoding="utf-8"))
    return found
