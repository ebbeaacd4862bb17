"""Requirements that name a path or a URL instead of a package of an index, and what was installed from there."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

_ARCHIVES = (".whl", ".zip", ".tar.gz", ".tar.bz2", ".tar.xz", ".tgz")


def direct_reference(requirement: str) -> str:
    """URL of a requirement that names a path or a URL instead of a package of an index; "" for others.

    >>> direct_reference("numpy>=2"), direct_reference("tool @ https://example.org/tool.zip")
    ('', 'https://example.org/tool.zip')
    """
    text = requirement.partition(";")[0].strip() if " ;" in requirement else requirement.strip()
    name, at, url = text.partition("@")
    if at and "://" in url and "://" not in name and "/" not in name:
        return url.strip()
    if "://" in text or text.startswith("file:"):
        return text
    path = re.sub(r"\[[^\]]*\]$", "", text)
    if (
        path.startswith((".", "~"))
        or "/" in path
        or os.sep in path
        or (path.endswith(_ARCHIVES) and os.path.isfile(path))
    ):
        return Path(os.path.abspath(os.path.expanduser(path))).as_uri()
    return ""


def local_path(requirement: str) -> str:
    """The existing file or directory that a requirement names; "" for any other requirement."""
    path = path_of_url(direct_reference(requirement))
    return path if path and os.path.exists(path) else ""


def path_of_url(url: str) -> str:
    """The local path of a ``file:`` URL; "" for others.

    >>> path_of_url("file:///a%20b"), path_of_url("https://x/y.whl")
    ('/a b', '')
    """
    if not url.startswith("file:"):
        return ""
    parts = urlsplit(url)
    return unquote(parts.path) if parts.netloc in ("", "localhost") else ""


class Origin(Protocol):
    """The origin of an installed distribution."""

    @property
    def url(self) -> str: ...
    @property
    def folder(self) -> str: ...
    @property
    def revision(self) -> str: ...


def installed_from(found: Origin, reference: str) -> bool:
    """Whether a distribution was installed from a URL or path."""
    if not found.url:
        return False
    path = path_of_url(reference.partition("#")[0])
    if path:
        return bool(found.folder) and os.path.realpath(found.folder) == os.path.realpath(path)
    plain = re.sub(r"^[a-z]+\+", "", reference.partition("#")[0])
    if found.revision and plain.endswith(f"@{found.revision}"):
        plain = plain.removesuffix(f"@{found.revision}")
    elif re.match(r"^(git|hg|svn|bzr)\+", reference) and "@" in plain.rpartition("/")[2]:
        return False  # another revision
    return plain.rstrip("/") == found.url.rstrip("/")
