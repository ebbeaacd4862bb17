"""Masks for golden files: parts that would otherwise change in all of them at once."""

from __future__ import annotations

import re
import textwrap

from typedpipe import runtime

_RUNTIME = re.compile(r"^( *)typedpipe\.dev/runtime: \|\n((?:\1 +.*\n|\n)+)", re.M)


def without_runtime(text: str) -> str:
    """YAML whose packed runtime is one line. Each runtime in it must be the one that is packed now."""
    runtimes = [textwrap.dedent(match[2]) for match in _RUNTIME.finditer(text)]
    assert runtimes, "no runtime is in this YAML, or not as a literal block: mend the mask"
    assert set(runtimes) == {runtime.source_text()}
    masked = _RUNTIME.sub(r"\1typedpipe.dev/runtime: (the runtime, packed)\n", text)
    assert runtime.source_text().splitlines()[-1] not in masked
    return masked
