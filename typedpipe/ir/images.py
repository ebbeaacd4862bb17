"""Names of container images."""

from __future__ import annotations

import re

_NAME = r"[A-Za-z0-9\[][^\s\x00-\x1f\x7f]*"


def is_image(name: str) -> bool:
    """Whether a name can be that of an image: anything else could be taken for an option on a command line.

    Only the registry and the tag may have upper-case letters.

    >>> [is_image(name) for name in ("python:3.11", "[::1]:5000/x@sha256:0", "--privileged", "", "a b")]
    [True, True, False, False, False]
    >>> [is_image(name) for name in ("Host:80/x:V1", "Python", "quay.io/Me/x")]
    [True, False, False]
    """
    if re.fullmatch(_NAME, name) is None:
        return False
    first, slash, rest = name.partition("@")[0].partition("/")
    repository = (rest if slash else first).partition(":")[0]
    return not re.search("[A-Z]", repository)
