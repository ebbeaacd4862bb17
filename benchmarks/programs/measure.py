"""One measurement in a fresh process: ``measure.py LIBRARY SHAPE TASKS FILE``, or ``measure.py import MODULE``.

Prints JSON: CPU seconds of the work (user and system, of this process) and of the whole process, peak memory, file
size.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import resource
import sys
import time


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    if sys.argv[1] == "import":
        before = cpu()
        began = time.perf_counter()
        importlib.import_module(sys.argv[2])
        print(json.dumps({"cpu": cpu() - before, "wall": time.perf_counter() - began, "modules": len(sys.modules)}))
        return
    library, shape, tasks, path = sys.argv[1:]
    build = importlib.import_module(f"with_{library}").prepare(shape, int(tasks), path)
    gc.collect()
    before = cpu()
    build()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"cpu": cpu() - before, "process": cpu(), "rss": peak, "bytes": os.path.getsize(path)}))


main()
