"""Watchdog that removes the containers of a run when its engine exits: run by path, standard library only.

``guard.py LABEL CLIENT WORD…`` waits for the end of the pipe on its stdin, which the engine holds. A killed engine
closes it too.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys


def main(label: str, client: str, *remove: str) -> int:
    """Wait for the engine to exit; then remove the containers that it left."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    while os.read(0, 64):
        pass
    found = subprocess.run([client, "ps", "-aq", "--filter", f"label={label}"], stdout=subprocess.PIPE, check=False)
    names = found.stdout.decode().split()
    return subprocess.call([client, *remove, *names], stdout=subprocess.DEVNULL) if names else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
