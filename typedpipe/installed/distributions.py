"""Installed distributions and their content: a version does not identify a package that is edited or built again.

A package that was installed from a directory or a URL says so in ``direct_url.json`` (PEP 610), and lists its files with
their digests in ``RECORD``. One in editable mode is known by the code in its directory.
"""

from __future__ import annotations

import ast
import base64
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any

from typedpipe.installed.references import direct_reference, installed_from, path_of_url
from typedpipe.installed.trees import file_digest, tree_digest

OWN = frozenset({"typedpipe", "kfp"})
"""Never part of a key: typedpipe's own version is not, either."""
_MAPPING = re.compile(r"^MAPPING(?:: [^=]+)? = (\{.*\})$", re.MULTILINE)
_INSTALLER = ("INSTALLER", "REQUESTED", "RECORD", "direct_url.json", "uv_cache.json", "uv_build.json", "WHEEL")
"""Files of the installer: they say who installed the package, not what is in it."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """A distribution in a directory of packages."""

    name: str
    """Normalized: ``scikit-learn``."""
    version: str
    info: str
    """Path of its ``.dist-info``."""
    url: str = ""
    """The URL that it was installed from; "" for a package from an index."""
    editable: bool = False
    revision: str = ""
    """The requested revision, if it was installed from a repository."""

    @property
    def site(self) -> str:
        return os.path.dirname(self.info)

    @property
    def folder(self) -> str:
        """Local directory or archive that it was installed from; "" if there is none."""
        return path_of_url(self.url)


def normal_name(name: str) -> str:
    """The normalized name of a distribution (PEP 503).

    >>> normal_name("Scikit_Learn")
    'scikit-learn'
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def importable() -> Mapping[str, Distribution]:
    """The distributions that this Python finds now."""
    return _importable_from(tuple((site or os.curdir, _changed_at(site or os.curdir)) for site in sys.path))


@lru_cache(maxsize=4)
def _importable_from(sites: tuple[tuple[str, int], ...]) -> Mapping[str, Distribution]:
    return distributions(site for site, changed in sites if changed)


def _changed_at(path: str) -> int:
    """Modification time; 0 if it does not exist."""
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0


def distributions(sites: Iterable[str]) -> dict[str, Distribution]:
    """The distributions in directories of packages, by normalized name; the first one of a name counts."""
    found: dict[str, Distribution] = {}
    for site in sites:
        try:
            with os.scandir(site or os.curdir) as listed:
                names = sorted(entry.name for entry in listed if entry.name.endswith(".dist-info"))
        except OSError:
            continue
        for name in names:
            plain, _, version = name.removesuffix(".dist-info").rpartition("-")
            found.setdefault(normal_name(plain), _read(os.path.join(site, name), normal_name(plain), version))
    return found


def _read(info: str, name: str, version: str) -> Distribution:
    try:
        with open(os.path.join(info, "direct_url.json"), encoding="utf-8") as file:
            data: Any = json.load(file)
        editable = bool((data.get("dir_info") or {}).get("editable"))
        revision = str((data.get("vcs_info") or {}).get("requested_revision") or "")
        return Distribution(name, version, info, str(data.get("url", "")), editable, revision)
    except (OSError, ValueError, AttributeError):
        return Distribution(name, version, info)


# ------------------------------------------------------------------------------------------------------ content


def content_digest(found: Distribution) -> str:
    """Digest of the code of a distribution; "" if it cannot be known."""
    try:
        if found.editable:
            return _roots_digest(found)
        return _installed_digest(found.info)
    except OSError:
        return ""


def edited(contents: Mapping[str, str]) -> list[str]:
    """Names of the packages in editable mode whose code no longer has the recorded digest.

    Args:
        contents: Digests by name, as of the start of a run.
    """
    known = importable()
    return [
        name
        for name, digest in contents.items()
        if (found := known.get(name)) is not None and found.editable and content_digest(found) != digest
    ]


def edited_since_loaded(contents: Iterable[str]) -> list[str]:
    """Names of the packages in editable mode whose loaded modules may differ from their files."""
    known = importable()
    roots = {name: tuple(editable_roots(known[name])) for name in contents if name in known and known[name].editable}
    if not roots:
        return []
    import psutil

    began = psutil.Process().create_time()
    files = [str(getattr(module, "__file__", "") or "") for module in list(sys.modules.values())]
    return [
        name
        for name, places in roots.items()
        if any(file.startswith(places) and _changed_at(file) > began * 1e9 for file in files if file)
    ]


def _roots_digest(found: Distribution) -> str:
    digests = [f"{os.path.basename(root)} {tree_digest(root)}" for root in editable_roots(found)]
    return sha256("\n".join(digests).encode("utf-8", "surrogateescape")).hexdigest()


def editable_roots(found: Distribution) -> list[str]:
    """The files and directories from which Python imports a package in editable mode."""
    roots: list[str] = []
    for name in _listed(found.info):
        place = os.path.join(found.site, name)
        if name.endswith(".pth"):
            roots += [line for line in _lines(place) if not line.startswith(("import ", "#"))]
        elif name.startswith("__editable__") and name.endswith(".py"):
            roots += _mapped(place).values()
    existing = [root for root in dict.fromkeys(roots) if os.path.exists(root)]
    return existing or [found.folder]


def _listed(info: str) -> list[str]:
    """Names of the files of a distribution that are directly in its directory of packages."""
    return [name for name, _, _ in _record(info, _changed(info)) if "/" not in name]


def _changed(info: str) -> int:
    return _changed_at(os.path.join(info, "RECORD"))


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8") as file:
            return [line.strip() for line in file if line.strip()]
    except OSError:
        return []


def _mapped(finder: str) -> dict[str, str]:
    """Modules and their paths in the finder that setuptools writes for a package in editable mode."""
    try:
        with open(finder, encoding="utf-8") as file:
            match = _MAPPING.search(file.read())
        mapping: dict[str, str] = ast.literal_eval(match[1]) if match else {}
    except (OSError, ValueError, SyntaxError):
        return {}
    return {str(name): path if os.path.exists(path) else f"{path}.py" for name, path in mapping.items()}


@lru_cache(maxsize=256)
def _record(info: str, changed: int) -> Sequence[tuple[str, str, int]]:  # noqa: ARG001  # part of the cache's key
    """Rows of a RECORD: name, digest ("" if it is not recorded) and size of each file, without compiled ones."""
    import csv

    try:
        with open(os.path.join(info, "RECORD"), newline="", encoding="utf-8") as file:
            rows = [row for row in csv.reader(file) if len(row) == 3 and not row[0].endswith((".pyc", "/RECORD"))]
    except OSError:
        return ()
    return [(name, digest, int(size) if size.isdigit() else -1) for name, digest, size in rows]


def _installed_digest(info: str) -> str:
    """Digest of a package's files as installed; a file that was modified since is read."""
    written = _changed(info)
    site, own = os.path.dirname(info), os.path.basename(info)
    found = sha256()
    rows = _record(info, written)
    for name, digest, size in sorted(rows):
        if name.startswith("..") or name in {f"{own}/{left}" for left in _INSTALLER}:
            continue  # scripts contain the path of Python
        found.update(f"{name}\0{_as_it_is(f'{site}/{name}', digest, size, written)}\n".encode())
    return found.hexdigest() if rows else ""


def _as_it_is(path: str, digest: str, size: int, written: int) -> str:
    try:
        seen = os.stat(path)
    except OSError:
        return "missing"
    if digest.startswith("sha256=") and seen.st_size in (size, -1) and seen.st_mtime_ns <= written:
        return digest
    text = base64.urlsafe_b64encode(bytes.fromhex(file_digest(path))).decode().rstrip("=")
    return f"sha256={text}"


# ----------------------------------------------------------------------------------------------- what is used


def used(
    requirements: Iterable[str], modules: Iterable[str], installed: Mapping[str, Distribution]
) -> dict[str, Distribution]:
    """Distributions that a component uses, by name: those it declares, what these require, and local ones that it
    imports.

    Args:
        requirements: Its declared packages.
        modules: Top-level modules that its source imports.
        installed: The installed distributions.
    """
    pending = [name for text in requirements if (name := name_of(text, installed))]
    wanted = set(modules)
    for name, found in installed.items():
        if found.folder and name not in OWN and wanted and not wanted.isdisjoint(modules_of(found)):
            pending.append(name)
    done: dict[str, Distribution] = {}
    for name in pending:  # grows
        each = installed.get(name)
        if each is not None and name not in done and name not in OWN:
            done[name] = each
            pending += _required(each.info, _changed(each.info))
    return done


@lru_cache(maxsize=256)
def _required(info: str, changed: int) -> tuple[str, ...]:  # noqa: ARG001  # part of the cache's key
    """Names of the distributions that one requires on this machine."""
    from email.parser import HeaderParser

    from packaging.requirements import InvalidRequirement, Requirement

    try:
        with open(os.path.join(info, "METADATA"), encoding="utf-8", errors="replace") as file:
            texts = HeaderParser().parse(file).get_all("Requires-Dist") or []
    except OSError:
        return ()
    found: list[str] = []
    for text in texts:
        try:
            wanted = Requirement(str(text))
        except InvalidRequirement:
            continue
        if wanted.marker is None or wanted.marker.evaluate({"extra": ""}):
            found.append(normal_name(wanted.name))
    return tuple(found)


def name_of(requirement: str, installed: Mapping[str, Distribution]) -> str:
    """Name of the installed distribution that a requirement refers to; "" if there is none."""
    reference = direct_reference(requirement)
    if reference:
        return next((name for name, found in installed.items() if installed_from(found, reference)), "")
    match = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", requirement.strip())
    name = normal_name(match.group()) if match else ""
    return name if name in installed else ""


def modules_of(found: Distribution) -> set[str]:
    """Top-level modules of a distribution that was installed from a local directory."""
    names = {name.partition("/")[0] for name, _, _ in _record(found.info, _changed(found.info))}
    if found.editable:
        for name in list(names):
            if name.startswith("__editable__") and name.endswith(".py"):
                names.update(_mapped(os.path.join(found.site, name)))
        for root in editable_roots(found):
            names.update(_modules_in(root))
    return {name.partition(".")[0] for name in names if not name.endswith((".dist-info", ".pth")) and name != ".."}


def _modules_in(root: str) -> Iterator[str]:
    """Modules in a directory of ``sys.path``, or the module that the path itself is."""
    yield os.path.basename(root)
    if os.path.isdir(root) and not os.path.exists(os.path.join(root, "__init__.py")):
        with os.scandir(root) as listed:
            yield from (entry.name for entry in listed if entry.is_dir() or entry.name.endswith(".py"))


# ---------------------------------------------------------------------------------------------- local paths


def current(found: Distribution, reference: str) -> bool:
    """Whether a distribution that was installed from a local path is what is there now.

    In editable mode it always is. An archive is compared with the installed files; what a directory builds is not known.
    """
    path = path_of_url(reference)
    if not path or found.editable:
        return True
    return os.path.isfile(path) and path.endswith(".whl") and _wheel_installed(path, found)


def _wheel_installed(path: str, found: Distribution) -> bool:
    import csv
    import io
    import zipfile

    try:
        with zipfile.ZipFile(path) as file:
            name = next((name for name in file.namelist() if name.endswith(".dist-info/RECORD")), "")
            rows = list(csv.reader(io.StringIO(file.read(name).decode()))) if name else []
            hashed = {row[0]: row[1] for row in rows if len(row) == 3}
            contents = {
                name: hashed.get(name) or _hash(file.read(name))
                for name in file.namelist()
                if ".dist-info/" not in name
            }
    except (OSError, ValueError, zipfile.BadZipFile):
        return False
    written = _changed(found.info)
    known = {
        name: _as_it_is(os.path.join(found.site, name), digest, size, written)
        for name, digest, size in _record(found.info, written)
    }
    return all(name.endswith("/") or known.get(name) == digest for name, digest in contents.items())


def _hash(data: bytes) -> str:
    return "sha256=" + base64.urlsafe_b64encode(sha256(data).digest()).decode().rstrip("=")
