"""Images for tests, built from this machine's shell and Python: no registry is contacted."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import sysconfig
import tarfile
from pathlib import Path

import pytest

from typedpipe.local.runners.client import Client, client

IMAGE = "localhost/typedpipe-test:1"
sys.path.insert(0, str(Path(__file__).parents[1]))  # for local_samples

BASE = Path(sys.base_prefix).resolve()
LEFT_OUT = ("test", "idlelib", "tkinter", "turtledemo", "ensurepip", "site-packages", "lib2to3", "__pycache__")
TOOLS = ("/bin/sh", "/bin/cat", "/bin/sleep", "/usr/bin/id", "/bin/ls")


def libraries(*programs: Path) -> set[str]:
    """The shared libraries that programs load, and the loader."""
    found: set[str] = set()
    for program in programs:
        said = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=False).stdout
        found.update(re.findall(r"(/[^\s)]+\.so[^\s)]*)", said))
    return found


def rootfs() -> bytes:
    """A tar of the least that runs ``sh`` and ``python3``, each file where it is here."""
    stdlib = Path(sysconfig.get_path("stdlib", vars={"installed_base": str(BASE), "base": str(BASE)}))
    python = Path(sys._base_executable).resolve()  # type: ignore[attr-defined]
    dynamic = list((stdlib / "lib-dynload").glob("*.so"))
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for path in sorted({*libraries(python, *dynamic, *map(Path, TOOLS)), *TOOLS}):
            tar.add(Path(path).resolve(), path)
        tar.add(python, str(python))
        tar.add(stdlib, str(stdlib), filter=lambda info: None if Path(info.name).name in LEFT_OUT else info)
        for link in ("usr/local/bin/python3",):
            info = tarfile.TarInfo(link)
            info.type, info.linkname = tarfile.SYMTYPE, str(python)
            tar.addfile(info)
        for folder in ("tmp", "proc", "dev", "etc"):
            info = tarfile.TarInfo(folder)
            info.type, info.mode = tarfile.DIRTYPE, 0o1777
            tar.addfile(info)
    return data.getvalue()


@pytest.fixture(scope="session", params=["docker", "podman"])
def engine(request: pytest.FixtureRequest) -> Client:
    """A container engine that answers and can start a container of :data:`IMAGE`."""
    found = client(request.param)
    if not isinstance(found, Client):
        pytest.skip(found.why)
    if subprocess.run([found.path, "image", "inspect", IMAGE], capture_output=True, check=False).returncode:
        subprocess.run([found.path, "import", "-", IMAGE], input=rootfs(), capture_output=True, check=True)
    limit = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"] if found.name == "podman" else []
    tried = subprocess.run(
        [found.path, "run", "--rm", *limit, IMAGE, "python3", "-c", "print(1)"], capture_output=True, check=False
    )
    if tried.returncode:
        pytest.skip(f"{found.name} cannot start a container here: {tried.stderr.decode().strip()[-200:]}")
    return found
