"""One run of one case of one library in a fresh process: ``run_measure.py LIBRARY CASE N FOLDER [SETTING=VALUE]``.

Prints JSON: wall seconds; CPU seconds of this process and its child processes; bytes read and written by all of them
(Linux adds those of a process to its parent when it is reaped).
"""

from __future__ import annotations

import importlib
import json
import resource
import sys
import time
from contextlib import redirect_stdout


def cpu(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def moved() -> dict[str, int]:
    with open("/proc/self/io", encoding="ascii") as file:
        return {name: int(value) for name, value in (line.split(":") for line in file)}


def main() -> None:
    library, case, n, folder, *settings = sys.argv[1:]
    out = sys.stdout
    with redirect_stdout(sys.stderr):
        more = dict(setting.split("=", 1) for setting in settings)
        run = importlib.import_module(f"run_{library}").prepare(case, int(n), folder, **more)
        io, own, others = moved(), cpu(resource.RUSAGE_SELF), cpu(resource.RUSAGE_CHILDREN)
        began = time.perf_counter()
        run()
        wall = time.perf_counter() - began
    now = moved()
    found = {
        "wall": wall,
        "engine": cpu(resource.RUSAGE_SELF) - own,
        "children": cpu(resource.RUSAGE_CHILDREN) - others,
        "read": now["rchar"] - io["rchar"],
        "written": now["wchar"] - io["wchar"],
        "rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps(found), file=out)


main()
