"""Requirements of components: their specifiers, installed versions, and normal form."""

from __future__ import annotations

import ast
import re
import sys
import textwrap
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from typing import Any

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def installed(requirement: str) -> bool:
    """Whether this Python has a distribution that meets a requirement.

    One that names a path or a URL is met only by a distribution that was installed from there and is still the same.

    >>> installed("no-such-package-at-all")
    False
    """
    from typedpipe.installed.references import direct_reference

    reference = direct_reference(requirement)
    return _installed_from(reference) if reference else _installed(requirement)


def _installed_from(reference: str) -> bool:
    from typedpipe.installed.distributions import current, importable
    from typedpipe.installed.references import installed_from

    return any(installed_from(found, reference) and current(found, reference) for found in importable().values())


@cache
def _installed(requirement: str) -> bool:
    from importlib import metadata

    from packaging.requirements import InvalidRequirement, Requirement

    name = _NAME.match(requirement.strip())
    if name is None:
        return False  # pip will report it
    try:
        wanted = Requirement(requirement)
    except InvalidRequirement:
        return _has(name.group())
    if wanted.marker is not None and not wanted.marker.evaluate():
        return True
    try:
        return wanted.specifier.contains(metadata.version(wanted.name), prereleases=True)
    except metadata.PackageNotFoundError:
        return False


def is_requirement(text: str) -> bool:
    r"""Whether pip accepts a text as one requirement, as far as that can be seen without the package.

    >>> [is_requirement(text) for text in ("numpy>=2", "./mine", "numpy==", "a b", "numpy\npandas", "")]
    [True, True, False, False, False, False]
    """
    from packaging.requirements import InvalidRequirement, Requirement

    from typedpipe.installed.references import direct_reference

    if "\n" in text or "\r" in text:
        return False
    if direct_reference(text):
        return True
    try:
        Requirement(text)
    except InvalidRequirement:
        return False
    return True


def name_in(requirement: str) -> str:
    """The name at the start of a requirement; "" for a path."""
    match = _NAME.match(requirement.strip())
    return match.group() if match else ""


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


def environment_facts(
    packages: Sequence[str], sources: Sequence[str], digests: dict[str, str] | None = None
) -> dict[str, Any]:
    """The installed packages that a component uses: versions, and digests of their content.

    A version alone does not identify a package that is edited in place, or built again.

    Args:
        packages: The declared requirements.
        sources: The shipped source, whose imports may name packages that were installed from a directory.
        digests: Digests of packages that are known already; those of this component are added.

    >>> environment_facts(["no-such-package-at-all"], [])
    {'requirements': ['no-such-package-at-all']}
    """
    modules = {name for text in sources for name in imported(text) if name not in sys.stdlib_module_names}
    if not packages and not modules:
        return {"requirements": []}  # the common case: it need not look at the installed packages
    from typedpipe.installed.distributions import content_digest, importable, name_of, used

    known = importable()
    digests = {} if digests is None else digests
    found = used(packages, modules, known)
    missing = [text for text in normalised(packages) if not name_of(text, known)]
    facts: dict[str, Any] = {
        "requirements": sorted([*(f"{name}=={each.version}" for name, each in found.items()), *missing])
    }
    for name, each in found.items():
        if name not in digests:
            digests[name] = content_digest(each)
    contents = {name: digests[name] for name in found if digests[name]}
    if contents:
        facts["contents"] = dict(sorted(contents.items()))
    return facts


@lru_cache(maxsize=4096)
def imported(source: str) -> frozenset[str]:
    r"""Top-level modules that a piece of source imports.

    >>> sorted(imported("    def f():\n        import os.path, numpy as np\n        from a.b import c\n"))
    ['a', 'numpy', 'os']
    """
    try:
        tree = ast.parse(textwrap.dedent(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset()
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
        elif isinstance(node, ast.Call) and node.args and _called(node.func) in ("import_module", "__import__"):
            name = node.args[0]
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                found.add(name.value.partition(".")[0])
    return frozenset(found)


def _called(function: ast.expr) -> str:
    return (
        function.id if isinstance(function, ast.Name) else function.attr if isinstance(function, ast.Attribute) else ""
    )
