"""Virtual environments, one for each distinct set of requirements, shared by all projects of the user.

Each is complete and isolated: it sees none of this Python's packages, and uv copies files into it instead of linking to
its cache, so that a change in one does not affect others. It is created next to its final path and then renamed.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from typedpipe.installed.distributions import content_digest, distributions
from typedpipe.installed.packages import normalised
from typedpipe.installed.references import local_path
from typedpipe.installed.trees import tree_digest

LAST_LINES = 12
ABOUT = "typedpipe.json"
USED = "typedpipe-used"
"""Its modification time is the last use of the environment."""
SETTINGS = ("INDEX_URL", "EXTRA_INDEX_URL", "FIND_LINKS", "NO_INDEX")
"""Variables of pip that uv also has, under its own names."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The requested contents of a virtual environment."""

    requirements: tuple[str, ...] = ()
    index_urls: tuple[str, ...] = ()
    trusted_hosts: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Key, equal for equal environments: this Python, the requirements, the package indexes, the platform."""
        files = [local_content(text) for text in self.requirements]
        parts = [
            [platform.python_implementation(), platform.python_version(), sys.base_prefix],
            [*normalised(self.requirements), *(stamp for stamp in files if stamp)],
            [self.index_urls, self.trusted_hosts, sorted(_index_settings(os.environ).items())],
            [platform.system(), platform.machine(), *platform.libc_ver()],
        ]
        return sha256(json.dumps(parts).encode()).hexdigest()[:24]


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment that exists."""

    key: str
    folder: Path
    python: str
    """Path of its interpreter."""
    resolved: tuple[str, ...] = ()
    """Installed packages: ``name==version``, sorted."""
    contents: Mapping[str, str] = field(default_factory=dict[str, str])
    """Digests of those that were installed from a local path, whose version does not identify them."""


class EnvironmentFailed(Exception):
    """It could not be created. The message is one line; ``said`` holds the last lines of the installer's output."""

    def __init__(self, message: str, said: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.said = tuple(said)


def environments_folder() -> Path:
    """Directory of virtual environments: ``TYPEDPIPE_ENVS``, or the user's cache directory."""
    chosen = os.environ.get("TYPEDPIPE_ENVS")
    if chosen:
        return Path(os.path.abspath(os.path.expanduser(chosen)))
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or os.path.expanduser("~/AppData/Local")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(base, "typedpipe", "envs")


def environment(wanted: Wanted, progress: Callable[[str], None] | None = None) -> Environment:
    """The virtual environment with the requested contents, created if missing; one process creates it, others wait.

    Raises:
        EnvironmentFailed: a package cannot be installed, or the directory cannot be written.
    """
    from filelock import FileLock

    root = environments_folder()
    try:
        key = wanted.key  # of a local package, it reads the files
        place = root / key
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(root / f"{key}.lock"):
            if not (place / ABOUT).exists():
                if progress is not None:
                    progress(f"creating a virtual environment with {', '.join(wanted.requirements) or 'no packages'}")
                shutil.rmtree(place, ignore_errors=True)
                _make(wanted, place)
            (place / USED).touch()
            about: dict[str, Any] = json.loads((place / ABOUT).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EnvironmentFailed(f"the virtual environment in {root} cannot be created or read: {error}") from None
    return Environment(key, place, python_of(place), tuple(about["resolved"]), _contents(place))


def python_of(folder: Path) -> str:
    """Interpreter of a virtual environment."""
    return str(folder / "Scripts" / "python.exe" if sys.platform == "win32" else folder / "bin" / "python")


def _make(wanted: Wanted, place: Path) -> None:
    beside = place.with_name(f".{place.name}-{os.urandom(4).hex()}")
    try:
        resolved = _with_uv(wanted, beside) if uv() else _with_pip(wanted, beside, place)
        about = {"requirements": wanted.requirements, "resolved": resolved, "python": sys.version, "made": time.time()}
        (beside / ABOUT).write_text(json.dumps(about), encoding="utf-8")
        beside.rename(place)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


@cache
def uv() -> tuple[str, ...]:
    """Command that runs uv here; empty if none works."""
    found = shutil.which("uv")
    for command in ((found,) if found else (), (sys.executable, "-m", "uv")):
        if not command:
            continue
        try:
            if subprocess.run([*command, "--version"], capture_output=True, check=False).returncode == 0:
                return tuple(command)
        except OSError:
            continue
    return ()


def _with_uv(wanted: Wanted, folder: Path) -> list[str]:
    _run(*uv(), "venv", "--quiet", "--relocatable", "--python", sys.executable, str(folder))
    where = ("--python", python_of(folder))
    if wanted.requirements:
        # Copies: a hard link into uv's cache would let one environment change another's files.
        sources = ["--link-mode", "copy", "--index-strategy", "unsafe-best-match"]
        for index, url in enumerate(wanted.index_urls):
            sources.append(("--extra-index-url=" if index else "--index-url=") + url)
        sources += [f"--allow-insecure-host={host}" for host in wanted.trusted_hosts]
        _run(*uv(), "pip", "install", "--quiet", *where, *sources, "--", *wanted.requirements)
    return sorted(_run(*uv(), "pip", "freeze", *where).splitlines())


def _with_pip(wanted: Wanted, folder: Path, place: Path) -> list[str]:
    _run(sys.executable, "-m", "venv", str(folder))
    pip = (python_of(folder), "-I", "-m", "pip", "--disable-pip-version-check")
    if wanted.requirements:
        sources: list[str] = []
        for index, url in enumerate(wanted.index_urls):
            sources.append(("--extra-index-url=" if index else "--index-url=") + url)
        sources += [f"--trusted-host={host}" for host in wanted.trusted_hosts]
        _run(*pip, "install", "--quiet", *sources, "--", *wanted.requirements)
    resolved = sorted(_run(*pip, "freeze").splitlines())
    _say_new_place(folder, place)
    return resolved


def _say_new_place(folder: Path, place: Path) -> None:
    """Rewrite the scripts of a directory that will be renamed to start the Python at its new path."""
    for script in (folder / "bin").glob("*"):
        if script.is_file() and not script.is_symlink():
            data = script.read_bytes()
            if data.startswith(b"#!") and bytes(folder) in data:
                script.write_bytes(data.replace(bytes(folder), bytes(place)))


def _run(*command: str) -> str:
    """Run a command and return its output.

    Raises:
        EnvironmentFailed: it failed.
    """
    variables = {**os.environ, **{f"UV_{key}": value for key, value in _index_settings(os.environ).items()}}
    for name in ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME"):
        variables.pop(name, None)
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        env=variables,
        check=False,
    )
    if done.returncode:
        lines = [line.rstrip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        raise EnvironmentFailed(f"`{_shown(command)}` failed", lines[-LAST_LINES:])
    return done.stdout.strip()


def _shown(command: Sequence[str]) -> str:
    words = [os.path.basename(command[0]), *command[1:]]
    verb = words.index("install") if "install" in words else len(words) - 1
    return f"{words[0]} {'venv' if 'venv' in words else 'pip ' + words[verb]}"


def _index_settings(variables: Mapping[str, str]) -> dict[str, str]:
    """Index settings for pip or uv from environment variables: uv's own names take precedence, pip's apply to both."""
    found = {name: variables.get(f"UV_{name}") or variables.get(f"PIP_{name}") for name in SETTINGS}
    return {name: value for name, value in found.items() if value}


def local_content(requirement: str) -> str:
    """Path and content of a required local file or directory; "" for a package from an index."""
    path = local_path(requirement)
    return f"{os.path.realpath(path)} {tree_digest(path)}" if path else ""


def _contents(place: Path) -> dict[str, str]:
    """Digests of the packages in an environment that their version does not identify: local ones."""
    sites = [*place.glob("lib/python*/site-packages"), *place.glob("Lib/site-packages")]
    found = distributions(map(str, sites))
    return {name: digest for name, each in sorted(found.items()) if each.folder and (digest := content_digest(each))}


def collect_environments(older_than: float, *, dry_run: bool = False) -> list[Path]:
    """Remove the virtual environments that have not been used for this time, and incomplete ones; return their
    directories.

    Args:
        older_than: Seconds. All projects share the environments; one that another project needs is recreated.
        dry_run: Only report what would be removed.
    """
    from filelock import FileLock, Timeout

    root = environments_folder()
    removed: list[Path] = []
    if not root.is_dir():
        return removed
    busy = _in_use()
    limit = time.time() - older_than
    for place in sorted(root.iterdir()):
        if not place.is_dir() or str(place) in busy:
            continue
        key = place.name.strip(".").partition("-")[0]
        lock = FileLock(root / f"{key}.lock", timeout=0)
        try:
            with lock:
                if place.name.startswith(".") or _last_used(place) < limit:
                    if not dry_run:
                        shutil.rmtree(place, ignore_errors=True)
                    removed.append(place)
        except Timeout:
            continue  # it is being created or used
    return removed


def _last_used(place: Path) -> float:
    try:
        return (place / USED).stat().st_mtime
    except OSError:
        return 0.0


def _in_use() -> set[str]:
    """Environments whose Python is currently running."""
    import psutil

    found: set[str] = set()
    for process in psutil.process_iter():
        try:
            found.add(process.environ().get("VIRTUAL_ENV", ""))
        except (psutil.Error, OSError):
            continue
    return found
