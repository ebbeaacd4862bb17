"""CPUs and memory that this process may use: those of the machine, or less in a container.

A container has all CPUs of its host in ``os.cpu_count()``; its limits are those of its control group, version 1 or 2,
and of the groups above it.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

MEMORY_OF_A_TASK = 512 << 20
"""Memory per task by which the default number of concurrent tasks is bounded: a Python process with pandas loaded."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of a control group; None: unlimited, or unknown."""

    cpus: float | None = None
    memory: int | None = None


def default_jobs() -> int:
    """The default number of concurrent tasks: one for each CPU, unless there is little memory."""
    return max(1, min(cpus(), memory() // MEMORY_OF_A_TASK))


def cpus() -> int:
    """Number of CPUs that this process may use; a part of a CPU counts as one."""
    here = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = control_group().cpus
    return here if quota is None else max(1, min(here, math.ceil(quota)))


def memory() -> int:
    """Bytes of memory that this process may use."""
    try:
        here = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf: memory is not counted there
        here = 1 << 62
    limit = control_group().memory
    return here if limit is None else min(here, limit)


def control_group(process: Path = Path("/proc/self")) -> Limits:
    """The lowest limits of this process's control groups; ``process`` is its directory in ``/proc``."""
    quotas: list[float] = []
    sizes: list[int] = []
    for folder in _folders(process):
        quotas += _quota([*_numbers(folder / "cpu.max")])
        quotas += _quota([*_numbers(folder / "cpu.cfs_quota_us"), *_numbers(folder / "cpu.cfs_period_us")])
        sizes += _numbers(folder / "memory.max") + _numbers(folder / "memory.limit_in_bytes")
    return Limits(min((q for q in quotas if q > 0), default=None), min((s for s in sizes if s > 0), default=None))


def _quota(numbers: list[int]) -> list[float]:
    """CPUs from a quota and a period; nothing if there is no quota."""
    return [numbers[0] / numbers[1]] if len(numbers) == 2 and numbers[1] else []  # a pair


def _folders(process: Path) -> Iterator[Path]:
    """Directories of the process's control groups, and of those above them as far as they can be seen."""
    try:
        groups = (process / "cgroup").read_text("utf-8", "surrogateescape").splitlines()
        mounts = (process / "mountinfo").read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return  # not Linux
    for mount in mounts:
        before, _, after = mount.partition(" - ")
        words, kind = before.split(" "), after.split(" ")
        if len(words) < 5 or not kind[0].startswith("cgroup"):
            continue
        root, point = _plain(words[3]), Path(_plain(words[4]))
        for group in groups:
            number, controllers, path = (*group.split(":", 2), "", "")[:3]
            version = "cgroup2" if number == "0" else "cgroup"
            if kind[0] != version or (controllers and not set(controllers.split(",")) & set(kind[-1].split(","))):
                continue
            inside = PurePosixPath(path)
            below = inside.relative_to(root) if inside.is_relative_to(root) else PurePosixPath()
            folder = point / below
            yield from (folder, *(above for above in folder.parents if above.is_relative_to(point)))


def _plain(text: str) -> str:
    """A path in mountinfo, where spaces and the like are octal numbers."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)


def _numbers(path: Path) -> list[int]:
    """Numbers in a file; "max" and -1, which mean unlimited, are left out."""
    try:
        return [int(word) for word in path.read_text("ascii").split() if word.isdigit()]
    except (OSError, ValueError):
        return []
