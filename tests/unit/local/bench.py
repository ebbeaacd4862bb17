"""A launcher without an engine, for tests."""

from __future__ import annotations

import json
import time
from pathlib import Path

from typedpipe.ir.nodes import Component
from typedpipe.local.runners.launcher import Exited, Launch, Launcher


class Bench:
    """Starts tasks with a launcher, without an engine."""

    def __init__(self, launcher: Launcher, folder: Path) -> None:
        self.launcher = launcher
        self.folder = folder
        self.count = 0

    def start(self, what: Component, own_env: dict[str, str] | None = None, **parameters: object) -> str:
        from typedpipe.ir.taskspec import task_spec

        self.count += 1
        root = self.folder / str(self.count)
        root.mkdir()
        spec = self.folder / f"{what.name}.json"
        if not spec.exists():
            spec.write_text(json.dumps(task_spec(what)))
        given = [{"name": key, "value": json.dumps(value)} for key, value in parameters.items()]
        env = {"TYPEDPIPE_TERMINATION_LOG": f"{root}/message", **(own_env or {})}
        job = {"spec": str(spec), "parameters": given, "root": str(root), "links": [], "folders": [], "env": env}
        (root / "job.json").write_text(json.dumps({**job, "argv": None}))
        ticket = str(self.count)
        self.launcher.start(
            Launch(ticket, f"{root}/job.json", f"{root}/log", str(spec), what.name, own_env is not None)
        )
        return ticket

    def wait(self, ticket: str, seconds: float = 120) -> Exited:
        import select

        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            select.select([self.launcher.fileno()], [], [], 0.5)
            for exited in self.launcher.reports():
                if exited.ticket == ticket:
                    return exited
        raise AssertionError((self.folder / ticket / "log").read_text())

    def result(self, what: Component, own_env: dict[str, str] | None = None, **parameters: object) -> object:
        ticket = self.start(what, own_env, **parameters)
        exited = self.wait(ticket)
        assert exited.code == 0, (exited, (self.folder / ticket / "log").read_text())
        return json.loads((self.folder / ticket / "out" / "p" / "Output").read_text())
