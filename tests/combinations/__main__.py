"""Runs generated programs with the ``typedpipe`` of a checkout, through its command line alone.

    python -m tests.combinations --seeds 0:1000                        # on this machine
    python -m tests.combinations --seeds 0:20 --argo                   # on the cluster of KUBECONFIG
    python -m tests.combinations --seeds 0:20 --argo --checkout DIR    # the same with another commit

Prints each difference from what the interpreter says, and the program's seed. ``--keep DIR`` writes the programs that
differ, each with what is expected of it, as ``tests/combinations/kept`` has them.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.combinations.generate import generate
from tests.combinations.interpret import Expected, interpret
from tests.combinations.programs import write


@dataclass
class Found:
    """How a program ended: ``ok`` is None if it was refused."""

    ok: bool | None
    results: list[str]
    text: str


def here(source: str, folder: Path, checkout: Path) -> Found:
    """Run a program on this machine."""
    sink = folder / "results"
    file = folder / "program.py"
    file.write_text(source, "utf-8")
    ran = _typedpipe(checkout, folder, "run", f"{file}:main", "--display", "quiet")
    if ran.returncode not in (0, 1) or "error[TP1" in ran.stderr:
        return Found(None, [], ran.stdout + ran.stderr)
    results = sorted(sink.read_text("utf-8").splitlines()) if sink.exists() else []
    refused = not results and " failed in " not in ran.stderr and ran.returncode
    return Found(None if refused else ran.returncode == 0, results, ran.stdout + ran.stderr)


def there(source: str, folder: Path, checkout: Path) -> Found:
    """Run a program on the cluster."""
    from tests.combinations.argo import run

    file = folder / "program.py"
    file.write_text(source, "utf-8")
    made = _typedpipe(checkout, folder, "compile", f"{file}:main", "-o", "out.yaml")
    if made.returncode:
        return Found(None, [], made.stdout + made.stderr)
    return Found(*run((folder / "out.yaml").read_text("utf-8")))


def _typedpipe(checkout: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(checkout), "TYPEDPIPE_HOME": str(folder / "home"), "NO_COLOR": "1"}
    command = [sys.executable, "-m", "typedpipe", *arguments]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=400, check=False)


def head(expected: Expected) -> str:
    """What is expected of a program, as the first lines of its file."""
    return "".join(f"# {line}\n" for line in (f"ok: {expected.ok}", *(f"result: {line}" for line in expected.results)))


def kept(source: str) -> Expected:
    """What the first lines of a kept program say."""
    lines = [line.removeprefix("# ") for line in source.splitlines() if line.startswith(("# ok: ", "# result: "))]
    results = [line.removeprefix("result: ") for line in lines[1:]]
    return Expected(lines[0] == "ok: True", sorted(results), 0)


def differences(expected: Expected, found: Found) -> list[str]:
    """Differences between what a program should give and what it gave."""
    if found.ok is None:
        return [f"refused: {found.text.strip()[-1500:]}"]
    wrong = []
    if found.ok != expected.ok:
        wrong.append(f"ok {found.ok}, not {expected.ok}: {found.text.strip()[-800:]}")
    want, got = Counter(expected.results), Counter(found.results)
    wrong += [f"missing: {line}" for line in (want - got).elements()]
    wrong += [f"extra:   {line}" for line in (got - want).elements()]
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description="Run generated programs and compare their results.")
    parser.add_argument("--seeds", default="0:100", help="first and last (0:100)")
    parser.add_argument("--argo", action="store_true", help="on the cluster of KUBECONFIG")
    parser.add_argument("--checkout", type=Path, default=Path(__file__).parents[2], help="a checkout of typedpipe")
    parser.add_argument("--keep", type=Path, help="a folder for programs that differ")
    parser.add_argument("--at-once", type=int, default=2, help="programs side by side (2)")
    options = parser.parse_args()
    first, _, last = options.seeds.partition(":")
    wrong = 0

    def one(seed: int) -> tuple[int, Expected, list[str], str]:
        program = generate(seed)
        expected = interpret(program)
        with tempfile.TemporaryDirectory() as folder:
            source = write(program, "" if options.argo else f"{folder}/results")
            found = (there if options.argo else here)(source, Path(folder), options.checkout.resolve())
            return seed, expected, differences(expected, found), source

    tasks = 0
    with ThreadPoolExecutor(options.at_once) as pool:
        for seed, expected, differs, source in pool.map(one, range(int(first), int(last or int(first) + 1))):
            tasks += expected.tasks
            if differs:
                wrong += 1
                print(f"seed {seed}:", *differs, sep="\n  ", flush=True)
                if options.keep:
                    options.keep.mkdir(parents=True, exist_ok=True)
                    (options.keep / f"seed_{seed}.txt").write_text(head(expected) + source, "utf-8")
    print(f"{wrong} programs differ; {tasks} tasks")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
