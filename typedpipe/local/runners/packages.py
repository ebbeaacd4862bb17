"""Requirements of components: their specifiers, installed versions, and normal form."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@cache
def installed(requirement: str) -> bool:
    """Whether this Python has a distribution that meets a requirement, as far as its name and version show.

    >>> installed("no-such-package-at-all")
    False
    """
    from importlib import metadata

    from packaging.requirements import InvalidRequirement, Requirement

    name = _NAME.match(requirement.strip())
    if name is None:
        return True  # a path or an archive: nothing to compare with
    try:
        wanted = Requirement(requirement)
    except InvalidRequirement:
        return "://" in requirement or "/" in requirement or _has(name.group())
    if wanted.marker is not None and not wanted.marker.evaluate():
        return True
    try:
        return wanted.specifier.contains(metadata.version(wanted.name), prereleases=True)
    except metadata.PackageNotFoundError:
        return False


def _has(name: str) -> bool:
    from importlib import metadata

    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def normalised(requirements: Iterable[str]) -> tuple[str, ...]:
    """Normalised requirements, sorted: equal requirements have one spelling.

    >>> normalised(["Scikit_Learn >=1.5,<2", "numpy", "numpy"])
    ('numpy', 'scikit-learn<2,>=1.5')
    """
    requirements = list(requirements)
    if not requirements:
        return ()  # the common case: loading `packaging` takes longer than a small run
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    found: set[str] = set()
    for text in requirements:
        try:
            wanted = Requirement(text)
        except InvalidRequirement:
            found.add(text.strip())  # a path: pip can interpret it
            continue
        wanted.name = canonicalize_name(wanted.name)
        found.add(str(wanted))
    return tuple(sorted(found))


def versions(requirements: Iterable[str]) -> list[str]:
    """Installed versions of the requirements: ``name==version``, sorted.

    >>> versions(["no-such-package-at-all"])
    ['no-such-package-at-all']
    """
    found: list[str] = []
    wanted = normalised(requirements)
    if not wanted:
        return found
    from importlib import metadata

    for text in wanted:
        name = _NAME.match(text)
        try:
            found.append(f"{name.group()}=={metadata.version(name.group())}" if name else text)
        except metadata.PackageNotFoundError:
            found.append(text)
    return found
