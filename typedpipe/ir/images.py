"""Names of container images."""

from __future__ import annotations

import re

_NAME = r"[A-Za-z0-9\[][^\s\x00-\x1f\x7f]*"


def is_image(name: str) -> bool:
    """Whether a name can be that of an image: anything else could be taken for an option on a command line.

    >>> [is_image(name) for name in ("python:3.11", "[::1]:5000/x@sha256:0", "--privileged", "", "a b")]
    [True, True, False, False, False]
    """
    return re.fullmatch(_NAME, name) is not None
