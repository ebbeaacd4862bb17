"""Comparison of two checkouts of typedpipe in one run: each with its own programs, in this environment, alternating.

They alternate because the speed of a machine changes within minutes. The minimum of the runs is reported.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Checkout:
    """A directory that contains ``typedpipe`` and ``benchmarks``."""

    root: Path

    def __post_init__(self) -> None:
        code = "import sys; sys.path.pop(0); import typedpipe; print(typedpipe.__file__)"
        found = self._run([sys.executable, "-c", code]).stdout.strip()
        if Path(found) != self.root / "typedpipe" / "__init__.py":
            sys.exit(f"{self.root} is not what is imported, but {found}")

    def measure(self, program: str, *arguments: str) -> dict[str, float]:
        """Parse the last output line of a program of ``benchmarks/programs``."""
        found: dict[str, float] = json.loads(self._run(self._command(program, arguments)).stdout.splitlines()[-1])
        return found

    def instructions(self, program: str, *arguments: str) -> int:
        """Instructions of a whole process, counted by valgrind: nearly constant, and some 50 times as slow."""
        self._run(self._command(program, arguments))  # compiles what has no bytecode yet, which is not counted
        command = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
        done = self._run([*command, *self._command(program, arguments)])
        count = re.search(r"I\s+refs:\s+([\d,]+)", done.stderr)
        if count is None:
            sys.exit(f"valgrind counted nothing:\n{done.stderr}")
        return int(count[1].replace(",", ""))

    def _command(self, program: str, arguments: Sequence[str]) -> list[str]:
        return [sys.executable, "-W", "ignore", str(self.root / "benchmarks" / "programs" / program), *arguments]

    def _run(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONPATH": str(self.root), "PYTHONHASHSEED": "0"}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{' '.join(command)} failed in {self.root}:\n{done.stderr[-4000:]}")
        return done


@dataclass(frozen=True)
class Pair:
    """The two checkouts."""

    before: Checkout
    now: Checkout

    @classmethod
    def of(cls, against: Path) -> Pair:
        return cls(Checkout(against.resolve()), Checkout(Path(__file__).resolve().parent.parent))

    def head(self, unit: str) -> None:
        print(f"before: {self.before.root}\nnow: {self.now.root}\n")
        print(f"| {unit} | before | now | now ÷ before |\n|---|--:|--:|--:|")

    def row(self, title: str, measure: Callable[[Checkout], float], runs: int, digits: int = 1) -> None:
        """Print the minimum of several runs of each, and their ratio."""
        found: dict[Checkout, list[float]] = {self.before: [], self.now: []}
        for turn in range(runs):
            for checkout in (self.before, self.now) if turn % 2 else (self.now, self.before):
                found[checkout].append(measure(checkout))
        before, now = min(found[self.before]), min(found[self.now])
        ratio = f"{now / before:.3f}" if before > 0 else "–"
        print(f"| {title} | {before:,.{digits}f} | {now:,.{digits}f} | {ratio} |", flush=True)


def can_count() -> bool:
    return shutil.which("valgrind") is not None
