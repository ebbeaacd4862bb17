"""The cases in Metaflow: a flow written to a file and run by its command, each task in its own process."""

import os
import subprocess
import sys
from collections.abc import Callable

CHAIN = """from metaflow import FlowSpec, step
class Bench(FlowSpec):
    @step
    def start(self):
        self.x = 0
        self.next(self.{first})
{steps}
    @step
    def end(self):
        print(self.x)
if __name__ == "__main__":
    Bench()
"""
STEP = """
    @step
    def s{i}(self):
        self.x += 1
        self.next(self.{next})
"""
SLEEPERS = """from metaflow import FlowSpec, step
class Bench(FlowSpec):
    @step
    def start(self):
        self.items = list(range({n}))
        self.next(self.sleeper, foreach="items")
    @step
    def sleeper(self):
        import time
        time.sleep(1)
        self.next(self.join)
    @step
    def join(self, inputs):
        self.next(self.end)
    @step
    def end(self):
        pass
if __name__ == "__main__":
    Bench()
"""


def source(case: str, n: int) -> str:
    """The flow's source. Start and end are tasks too: a chain of n has n - 2 between them (and at least these two)."""
    if case == "sleepers":
        return SLEEPERS.format(n=n)
    count = max(0, n - 2)
    names = [f"s{i}" for i in range(count)] + ["end"]
    steps = "".join(STEP.format(i=i, next=names[i + 1]) for i in range(count))
    return CHAIN.format(first=names[0], steps=steps)


def prepare(case: str, n: int, folder: str) -> Callable[[], object]:
    path = os.path.join(folder, "flow.py")
    with open(path, "w", encoding="utf-8") as file:
        file.write(source(case, n))
    environment = {**os.environ, "METAFLOW_HOME": f"{folder}/home", "METAFLOW_USER": "bench", "HOME": folder}
    environment["METAFLOW_DATASTORE_SYSROOT_LOCAL"] = folder

    def go(*arguments: str) -> None:
        command = [sys.executable, path, "--no-pylint", *arguments]
        subprocess.run(command, check=True, cwd=folder, env=environment, capture_output=True)

    if case == "cached":
        go("run", "--max-workers", "8")
        return lambda: go("resume", "end")  # the closest equivalent: all but the last task are reused
    return lambda: go("run", "--max-workers", "8")
