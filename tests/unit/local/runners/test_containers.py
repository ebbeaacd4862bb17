"""Tasks in containers: the command lines, and real engines where available."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from local_samples import DATASET, READ, SAVE, SLEEP, component, const, graph, out, pipeline, task

from typedpipe.diagnostics.model import Diagnostics
from typedpipe.ir.nodes import Component, ContainerImpl, InputPort, Options, OutputPort, Placeholder, PythonImpl
from typedpipe.local import run
from typedpipe.local.runners import client as clients, place, placements, reap
from typedpipe.local.runners.client import Client, NoClient, judged
from typedpipe.local.runners.command import RunCommand, User, limits
from typedpipe.types.model import INT, STR

IMAGE = "localhost/typedpipe-test:1"
JOB = {"root": "/runs/a,b/1", "links": [("/store/ab/cd", "in/x"), ("/data/x", "in/y")], "env": {"A": "1", "PATH": "/p"}}


def command(client: Client, **more: object) -> tuple[list[str], dict[str, str]]:
    job = {**JOB, "image": "busybox:1", "settings": {}, **more}
    made = RunCommand(client, "n", "f00", job, "/store", ("sh", "-c", "$x"), True, User(1000, 100))
    return made.build({"PATH": "/bin", "HOME": "/h"}, 4)


def test_the_command_line_of_docker() -> None:
    argv, variables = command(Client("docker", "/usr/bin/docker"))
    assert argv[:6] == ["/usr/bin/docker", "run", "--name", "n", "--label", "typedpipe.run=f00"]
    assert argv[6:8] == ["--cidfile", "/runs/a,b/1/cid"]
    assert argv[argv.index("--user") + 1] == "1000:100"
    mounts = [argv[i + 1] for i, word in enumerate(argv) if word == "--mount"]
    assert mounts == [
        'type=bind,"source=/runs/a,b/1","target=/runs/a,b/1"',
        "type=bind,source=/store,target=/store,readonly",
        "type=bind,source=/data/x,target=/data/x,readonly",
    ]
    assert argv[-5:] == ["--entrypoint", "sh", "busybox:1", "-c", "$x"]
    assert not [word for word in argv if "docker.sock" in word or word in ("--privileged", "--pid", "--network")]
    flags = [argv[i + 1] for i, word in enumerate(argv) if word == "--env"]
    assert flags == ["A", "PATH=/p", "HOME=/runs/a,b/1/work"]  # what would change the client goes another way
    assert (variables["A"], variables["PATH"], variables["HOME"]) == ("1", "/bin", "/h")


@pytest.mark.parametrize(
    ("client", "words"),
    [
        (Client("docker", "d", rootless=True), ["--user", "0:0"]),
        (Client("podman", "p", rootless=True), ["--userns", "keep-id", "--user", "1000:100"]),
        (Client("podman", "p"), ["--user", "1000:100"]),
        (Client("docker", "d", desktop=True), []),
    ],
)
def test_files_are_the_users(client: Client, words: list[str]) -> None:
    argv, _ = command(client)
    start = argv.index("label=disable") + 1
    assert argv[start : argv.index("--mount")] == words


def test_the_images_entrypoint_stays_when_there_are_only_arguments() -> None:
    job = {**JOB, "image": "tool:1"}
    made = RunCommand(Client("docker", "d"), "n", "f00", job, "", ("--fast",), entrypoint=False)
    assert made.build({}, 1)[0][-2:] == ["tool:1", "--fast"]


def test_resources() -> None:
    settings = {"cpu_limit": "8", "cpu_request": "500m", "memory_request": "1Gi", "accelerator_count": "2"}
    assert limits(Client("docker", "d"), settings, 2) == [
        "--cpus", "2", "--cpu-shares", "512", "--memory-reservation", "1073741824", "--gpus", "2",
    ]  # fmt: skip
    assert limits(Client("podman", "p"), {"accelerator_count": "1"}, 2) == ["--device", "nvidia.com/gpu=0"]


def test_what_engines_say_of_themselves() -> None:
    docker = {"ServerVersion": "27", "SecurityOptions": ["name=seccomp", "name=rootless"], "OperatingSystem": "Debian"}
    assert judged("docker", "d", docker, "") == Client("docker", "d", rootless=True)
    assert judged("docker", "d", {**docker, "OperatingSystem": "Docker Desktop"}, "") == Client(
        "docker", "d", True, True
    )
    podman = {"host": {"security": {"rootless": True}, "serviceIsRemote": False}}
    assert judged("podman", "p", podman, "") == Client("podman", "p", rootless=True)
    gone = judged("docker", "d", {"ServerErrors": ["Cannot connect to the Docker daemon"]}, "")
    assert (
        isinstance(gone, NoClient)
        and gone.why == "the docker engine does not respond: Cannot connect to the Docker daemon"
    )


def box(command: tuple[object, ...], image: str = IMAGE) -> Component:
    ports = (OutputPort("count", INT, "path"), OutputPort("made", DATASET, "artifact"))
    inputs = (InputPort("data", DATASET, how="artifact"),)
    return Component("box", inputs, ports, ContainerImpl(command), image)  # type: ignore[arg-type]  # parts


def inside(component: Component) -> Component:
    return replace(component, image=IMAGE)


def left(client: Client) -> list[str]:
    listed = [client.path, "ps", "-aq", "--filter", "label=typedpipe.run"]
    return subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split()


def test_no_engine_is_said_before_anything_starts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(place, "client", lambda name: NoClient(f"the {name} engine does not respond", "start it"))
    report = Diagnostics()
    assert placements(pipeline(graph(task("s", SLEEP, s=1.0))), "docker", report) == {}
    (found,) = report
    assert (found.code, found.message) == ("TP195", "`sleep` cannot run: the docker engine does not respond")


def test_an_image_that_is_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "client", lambda name: Client(name, "no-such-client"))
    monkeypatch.setattr(place, "image_id", lambda client, image: "")
    monkeypatch.setattr(place, "pull", lambda client, image: ["manifest unknown"])
    report = Diagnostics()
    told: list[str] = []
    other = inside(component("other", "def other():\n    pass\n"))
    body = graph(task("s", inside(SLEEP), s=1.0), task("o", other))
    placements(pipeline(body, inside(SLEEP), other), "docker", report, told.append)
    (found,) = report  # once for one image
    assert (found.code, found.notes, told) == ("TP621", ("manifest unknown",), [f"pulling the image {IMAGE}"])


def test_a_check_fetches_no_image(monkeypatch: pytest.MonkeyPatch) -> None:
    def fetched(*_: object) -> list[str]:
        raise AssertionError("nothing is fetched")

    monkeypatch.setattr(place, "client", lambda name: Client(name, "no-such-client"))
    monkeypatch.setattr(place, "image_id", fetched)
    monkeypatch.setattr(place, "pull", fetched)
    report = Diagnostics()
    found = placements(pipeline(graph(task("s", SLEEP, s=1.0)), inside(SLEEP)), "docker", report, ready=False)
    assert (found["sleep"].runner, list(report)) == ("docker", [])


@pytest.fixture
def prepared(engine: Client, monkeypatch: pytest.MonkeyPatch) -> Client:
    if engine.name == "podman":  # in a container of its own, as here, it may not raise limits
        monkeypatch.setenv("TYPEDPIPE_CONTAINER_ARGS", "--ulimit nofile=1024:1024 --ulimit nproc=1024:1024")
    monkeypatch.setenv("TYPEDPIPE_CONTAINERS", engine.name)
    return engine


def test_containers_and_python_hand_artifacts_on(prepared: Client, tmp_path: Path) -> None:
    script = 'read x < "$0"; echo "got $x by $(id -u)" > "$1"; echo ${#x} > "$2"; echo said'
    command = (
        "sh", "-c", script, Placeholder("input_path", "data"), Placeholder("output_path", "made"),
        Placeholder("output_parameter", "count"),
    )  # fmt: skip
    tool = box(command)
    save, show = inside(SAVE), component("show", "def show(d):\n    return open(d.path).read()\n", {"d": DATASET}, STR)
    body = graph(
        task("s", save, text="hello\n"),
        task("b", tool, data=out("s", "out")),
        task("r", inside(show), d=out("b", "made")),
        outputs={"n": (out("b", "count"), INT), "text": (out("r"), STR)},
    )
    result = run(pipeline(body, save, tool, inside(show)), {}, folder=tmp_path, runner=prepared.name)
    assert result.succeeded, result.message
    assert result.outputs == {"n": 5, "text": f"got hello by {os.getuid()}\n"}
    log = result.tasks["b"].log
    assert log is not None and log.read_text() == "said\n"
    folder = result.tasks["s"].folder
    assert folder is not None and json.loads((folder / "result.json").read_text()) == {"code": 0}
    assert {path.stat().st_uid for path in tmp_path.rglob("*")} == {os.getuid()}
    assert left(prepared) == []


def test_failures_in_containers(prepared: Client, tmp_path: Path) -> None:
    boom = inside(component("boom", "def boom():\n    raise ValueError('no')\n"))
    missing = replace(box(("no-such-command",)), name="missing", inputs=(), outputs=())
    body = graph(task("b", boom), task("m", missing))
    result = run(pipeline(body, boom, missing), {}, folder=tmp_path, runner=prepared.name)
    assert result.tasks["b"].exit_code == 1
    assert result.tasks["b"].message.startswith("ValueError: no")
    assert "no-such-command" in result.tasks["m"].message
    assert left(prepared) == []


def test_a_container_is_stopped_at_its_timeout(prepared: Client, tmp_path: Path) -> None:
    deaf = replace(box(("sh", "-c", "trap '' TERM; sleep 600")), inputs=(), outputs=())
    start = time.monotonic()
    body = graph(task("d", deaf, (), Options(timeout_seconds=1)))
    result = run(pipeline(body, deaf), {}, folder=tmp_path, grace=0.5)
    assert result.tasks["d"].message == "timed out after 1 s"
    assert time.monotonic() - start < 300  # the command would take longer
    assert left(prepared) == []


PROGRAM = """
import sys
sys.path[:0] = {path!r}
from test_containers import *
body = graph(task("s", inside(SLEEP), s=60.0))
run(pipeline(body, inside(SLEEP)), {{}}, folder=Path({folder!r}), runner={runner!r})
"""


def test_no_container_outlives_a_killed_engine(prepared: Client, tmp_path: Path) -> None:
    here = Path(__file__).parent
    text = PROGRAM.format(path=[str(here), str(here.parent)], folder=str(tmp_path), runner=prepared.name)
    process = subprocess.Popen([sys.executable, "-c", text])
    wait_until(lambda: bool(left(prepared)))
    process.kill()
    process.wait()
    wait_until(lambda: not left(prepared))


def test_reap_removes_containers_by_their_label(prepared: Client) -> None:
    nonce = f"test{os.getpid()}"
    extra = os.environ.get("TYPEDPIPE_CONTAINER_ARGS", "").split()
    start = [prepared.path, "run", "-d", "--label", f"typedpipe.run={nonce}", *extra, IMAGE, "sleep", "60"]
    subprocess.run(start, capture_output=True, check=True)
    clients.client.cache_clear()
    assert reap("another") == 0
    assert reap(nonce) == 1
    assert left(prepared) == []


def wait_until(holds: object, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not holds():  # type: ignore[operator]  # a function
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_python_component_installs_its_packages_in_the_image() -> None:
    assert isinstance(READ.impl, PythonImpl)
    needy = replace(READ, impl=replace(READ.impl, packages=("no-such-package",)))
    report = Diagnostics()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(place, "client", lambda name: Client(name, "c"))
        patch.setattr(place, "image_id", lambda client, image: "sha256:1")
        found = placements(pipeline(graph(task("r", needy, data=const(1))), needy), "podman", report)
    assert not list(report)
    assert (found["read"].runner, found["read"].image_id) == ("podman", "sha256:1")


@pytest.mark.parametrize("image", ["-v/:/host", "--privileged", "", "a b", "-"])
def test_an_image_that_would_be_an_option_is_refused(image: str, tmp_path: Path) -> None:
    job = {"root": str(tmp_path), "links": [], "env": {}, "image": image}
    for entrypoint in (True, False):
        made = RunCommand(Client("docker", "docker"), "n", "0", job, argv=("sh",), entrypoint=entrypoint)
        with pytest.raises(ValueError, match="is not the name of an image"):
            made.build({}, 1)


def test_no_image_of_a_saved_pipeline_is_an_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client gets no call at all, neither for the image nor for the container."""
    calls = tmp_path / "calls"
    fake = tmp_path / "docker"
    fake.write_text(
        f'#!/bin/sh\necho "$@" >> {calls}\n[ "$1" = info ] && echo \'{{"ServerVersion": "24.0"}}\'\nexit 0\n'
    )
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    clients.client.cache_clear()
    try:
        hostile = Component("c", (), (), ContainerImpl(("sh",), ()), "--privileged")
        report = Diagnostics()
        assert placements(pipeline(graph(task("t", hostile)), hostile), "docker", report) == {}
        assert [each.message for each in report if each.severity == "error"] == [
            "`--privileged` is not the name of an image"
        ]
        assert calls.read_text().split() == ["info", "--format", "{{json", ".}}"]
        options = Options(image=const("--privileged"))
        fine = Component("c", (), (), ContainerImpl(("sh",), ()), "busybox")
        result = run(
            pipeline(graph(task("t", fine, options=options)), fine), {}, folder=tmp_path / "s", runner="docker"
        )
        assert (
            result.tasks["t"].message == "the container cannot be started: `--privileged` is not the name of an image"
        )
        assert not [line for line in calls.read_text().splitlines() if line.startswith("run")]
    finally:
        clients.client.cache_clear()
