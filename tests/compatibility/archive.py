"""Directories as archives that depend only on their contents. Git keeps no modes; artifacts are read-only."""

from __future__ import annotations

import io
import lzma
import tarfile
from pathlib import Path


def pack(folder: Path, archive: Path) -> None:
    """Write a folder as a ``.tar.xz``: its entries sorted, of user 0. Times and modes are kept: stores know them."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(folder.rglob("*")):
            tar.add(path, path.relative_to(folder).as_posix(), recursive=False, filter=_anonymous)
    archive.write_bytes(lzma.compress(raw.getvalue(), preset=9))


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


def unpack(archive: Path, folder: Path, *only: str) -> None:
    """Make a folder of an archive of ours, with the modes that its entries had; ``only`` what begins so."""
    with tarfile.open(archive, "r:xz") as tar:
        wanted = [entry for entry in tar if not only or f"{entry.name}/".startswith(only)]
        tar.extractall(folder, wanted, filter=_mine)


def _mine(entry: tarfile.TarInfo, _folder: str) -> tarfile.TarInfo:
    """Leave the entry as it is, but for its owner, who is whoever unpacks it."""
    return entry.replace(uid=None, gid=None, uname=None, gname=None, deep=False)  # type: ignore[arg-type]  # None: leave as is
