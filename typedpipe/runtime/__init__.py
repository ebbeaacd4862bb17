"""The runtime that executes a task in its container. ``source_text`` is the packed text that is shipped."""

from __future__ import annotations

import os
from functools import lru_cache

_FOLDER = os.path.dirname(os.path.abspath(__file__))

PATH = os.path.join(_FOLDER, "task.py")
"""Path of the runtime file, which the local engine runs as ``python PATH JOB.json``."""

_LOADER = '''\
# The typedpipe runtime: typedpipe/runtime/task.py, made small by `make runtime`.
import base64, zlib
_ = """
{packed}"""
_ = base64.b85decode("".join(_.split()).translate({{46: 123, 44: 36, 47: 40, 58: 96}}))
exec(compile(zlib.decompress(_), __file__, "exec"))
'''


@lru_cache(maxsize=1)
def source_text() -> str:
    """The runtime as it is shipped: a small Python file that unpacks ``task.py`` without prose and annotations.

    >>> source_text().count("{{")
    0
    """
    with open(os.path.join(_FOLDER, "packed.txt"), encoding="ascii") as file:
        return _LOADER.format(packed=file.read())
