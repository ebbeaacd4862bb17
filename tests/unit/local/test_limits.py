"""CPUs and memory that a process in a container may use."""

from __future__ import annotations

from pathlib import Path

import pytest

from typedpipe.local.options import RunOptions
from typedpipe.local.scheduling import limits
from typedpipe.local.scheduling.limits import Limits, control_group, cpus, default_jobs, memory

V2 = "30 24 0:26 {root} {point} rw,nosuid - cgroup2 cgroup2 rw,nsdelegate"
V1 = "31 24 0:27 {root} {point} rw - cgroup cgroup rw,{controller}"


def process(folder: Path, groups: str, *mounts: str) -> Path:
    (folder / "cgroup").write_text(groups)
    (folder / "mountinfo").write_text("22 1 0:5 / / rw - ext4 /dev/x rw\nbroken\n" + "\n".join(mounts) + "\n")
    return folder


def put(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


@pytest.mark.parametrize(
    ("cpu", "size", "found"),
    [
        ("150000 100000\n", "1073741824\n", Limits(1.5, 1 << 30)),
        ("max 100000\n", "max\n", Limits()),
        ("", "", Limits()),
        ("1 0\n", "0\n", Limits()),
        ("nonsense\n", "-1\n", Limits()),
    ],
)
@pytest.mark.parametrize("root", ["/", "/docker/1"])
def test_version_2(cpu: str, size: str, found: Limits, root: str, tmp_path: Path) -> None:
    point = tmp_path / "cgroup fs"
    put(point / ("docker/1" if root == "/" else "."), cpu__max=cpu, memory__max=size)
    mount = V2.format(root=root, point=str(point).replace(" ", "\\040"))
    assert control_group(process(tmp_path, "0::/docker/1\n", mount)) == found


@pytest.mark.parametrize(
    ("quota", "size", "found"),
    [("50000", "536870912", Limits(0.5, 512 << 20)), ("-1", "9223372036854771712", Limits(None, 9223372036854771712))],
)
def test_version_1(quota: str, size: str, found: Limits, tmp_path: Path) -> None:
    put(tmp_path / "cpu/a/b", cpu__cfs_quota_us=quota, cpu__cfs_period_us="100000")
    put(tmp_path / "memory", memory__limit_in_bytes=size)
    mounts = [V1.format(root="/", point=tmp_path / name, controller=name) for name in ("cpu", "memory")]
    groups = "4:memory:/\n1:cpu,cpuacct:/a/b\n9:name=systemd:/\n0::/\n"
    assert control_group(process(tmp_path, groups, *mounts)) == found


def test_a_group_above_limits_too(tmp_path: Path) -> None:
    point = tmp_path / "fs"
    put(point / "slice/unit", cpu__max="400000 100000", memory__max="max")
    put(point / "slice", cpu__max="200000 100000", memory__max="1000")
    put(tmp_path, cpu__max="100000 100000")  # above the mount
    assert control_group(process(tmp_path, "0::/slice/unit\n", V2.format(root="/", point=point))) == Limits(2.0, 1000)


def test_a_group_outside_the_mount(tmp_path: Path) -> None:
    """Without a namespace of its own, a container sees its host's path and only its own group."""
    point = tmp_path / "fs"
    put(point, cpu__max="100000 100000")
    assert control_group(process(tmp_path, "0::/host/x\n", V2.format(root="/other", point=point))) == Limits(1.0)


def test_no_control_groups(tmp_path: Path) -> None:
    assert control_group(tmp_path) == Limits()


@pytest.mark.parametrize(
    ("limit", "here", "jobs"),
    [
        (Limits(), 8, 8),
        (Limits(2.0), 8, 2),
        (Limits(1.2), 8, 2),
        (Limits(0.1), 8, 1),
        (Limits(64.0), 8, 8),
        (Limits(None, 2 << 30), 8, 4),
        (Limits(None, 1 << 20), 8, 1),
        (Limits(3.0, 1 << 30), 8, 2),
    ],
)
def test_the_default_number_of_tasks(limit: Limits, here: int, jobs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "control_group", lambda: limit)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(here)), raising=False)
    monkeypatch.setattr("os.sysconf", lambda name: {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 1 << 24}[name])
    assert default_jobs() == jobs
    assert RunOptions().slots == jobs
    assert RunOptions(jobs=5).slots == 5
    assert RunOptions(jobs=5, debug=True).slots == 1
    assert cpus() >= 1 and memory() >= 1
