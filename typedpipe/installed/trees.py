"""Digest of the code in a directory: the files that installing or importing a local package can read.

Stores, environments, repositories, caches and the products of a build are left out: they change with every run.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

CODE = (
    *(".py", ".pyi", ".pyx", ".pxd", ".pxi", ".so", ".pyd", ".c", ".cc", ".cpp", ".cu", ".f90", ".h", ".hpp", ".rs"),
    *(".toml", ".cfg"),
)
"""Names of files that count outside packages, too."""
ROOT_FILES = frozenset({"MANIFEST.in", "CMakeLists.txt", "meson.build", "requirements.txt", "VERSION"})
BUILT = ("build", "dist", "target", "node_modules")
"""Directories that a build writes next to the code; they may be packages further down."""
LARGE = 1 << 24
"""Larger files are known by their stat: reading them takes longer than most tasks."""
_BLOCK = 1 << 20


def tree_digest(path: str | os.PathLike[str]) -> str:
    """Digest of a file, or of the code in a directory: relative names and contents, neither times nor modes.

    Raises:
        OSError: it does not exist, or cannot be read.
    """
    root = os.path.realpath(path)
    if os.path.isfile(root):
        return file_digest(root)
    os.stat(root)
    found = sha256()
    for name in sorted(_files(root)):
        place = os.path.join(root, name)
        found.update(f"{name}\0{_identity(place)}\n".encode("utf-8", "surrogateescape"))
    return found.hexdigest()


def file_digest(path: str) -> str:
    """sha256 of a file's content."""
    found = sha256()
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            found.update(block)
    return found.hexdigest()


def _identity(path: str) -> str:
    seen = os.stat(path)
    if seen.st_size > LARGE:
        return f"{seen.st_size} {seen.st_mtime_ns} {seen.st_ctime_ns} {seen.st_ino}"
    return file_digest(path)


def _files(root: str) -> Iterator[str]:
    """Relative paths of the files that count: all in packages, elsewhere only code and what configures a build."""
    itself = os.path.exists(os.path.join(root, "__init__.py"))
    pending = [("", itself)]
    seen = {_key(root)}
    while pending:
        above, inside = pending.pop()
        with os.scandir(os.path.join(root, above)) as listed:
            entries = list(listed)
        inside = inside or (bool(above) and any(entry.name.endswith(".py") for entry in entries))
        for entry in entries:
            name = f"{above}/{entry.name}" if above else entry.name
            if entry.is_dir():
                if not _left_out(entry, top=not above and not itself) and (key := _key(entry.path)) not in seen:
                    seen.add(key)  # a link may lead back
                    pending.append((name, inside))
            elif entry.is_file() and _counts(entry.name, inside, top=not above):
                yield name


def _key(path: str) -> tuple[int, int]:
    seen = os.stat(path)
    return seen.st_dev, seen.st_ino


def _counts(name: str, inside: bool, *, top: bool) -> bool:
    if name.endswith((".pyc", ".pyo", "~", ".swp")) or name.startswith("."):
        return False
    return inside or name.endswith(CODE) or (top and name in ROOT_FILES)


def _left_out(entry: os.DirEntry[str], *, top: bool) -> bool:
    name = entry.name
    if name.startswith(".") or name == "__pycache__" or name.endswith((".egg-info", ".dist-info")):
        return True
    if top and name in BUILT:
        return True
    place = Path(entry.path)
    if (place / "pyvenv.cfg").exists() or (place / "CACHEDIR.TAG").exists():
        return True
    return (place / "format.json").exists() and (place / "objects").is_dir() and (place / "runs").is_dir()
