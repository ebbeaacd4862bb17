"""Resources that tasks use on this machine: CPU, memory and accelerators, in Kubernetes units.

A task uses only the resources that it requests, so a thousand waiting tasks cost nothing; ``--jobs`` bounds the rest.
If a limit is set but no request, the limit is the request, as in Kubernetes. A request larger than the machine takes
all of it, and the task runs alone: a laptop is smaller than the node that the pipeline was written for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from glob import glob

from typedpipe.local.scheduling.limits import cpus, memory

_SUFFIXES = {
    "": 1,
    "m": 1e-3,
    "k": 1e3,
    "K": 1e3,
    "M": 1e6,
    "G": 1e9,
    "T": 1e12,
    "P": 1e15,
    "E": 1e18,
    **{f"{letter}i": 1 << 10 * power for power, letter in enumerate("KMGTPE", 1)},
}
_QUANTITY = re.compile(r"([0-9]{1,18}(?:\.[0-9]*)?|\.[0-9]+)(m|[kKMGTPE]|[KMGTPE]i)?")


@dataclass(frozen=True, slots=True)
class Need:
    """Resources of one task: thousandths of a core, bytes, devices."""

    cpu: int = 0
    memory: int = 0
    accelerators: int = 0


NOTHING = Need()


def quantity(what: str, value: object) -> float:
    """A Kubernetes quantity as a number.

    Raises:
        ValueError: it is not a quantity.

    >>> quantity("memory", "2Gi"), quantity("cpu", "500m")
    (2147483648.0, 0.5)
    """
    found = _QUANTITY.fullmatch(str(value).strip())
    if found is None:
        example = "`500m` or `2`" if what == "cpu" else "`512Mi` or `4G`" if what == "memory" else "`1`"
        raise ValueError(f"the {what} request {str(value)!r} is not a quantity: use {example}")
    return float(found[1]) * _SUFFIXES[found[2] or ""]


class Machine:
    """Resources of this machine, total and free."""

    def __init__(self, total: Need | None = None) -> None:
        self.total = total or this_machine()
        self._free = [self.total.cpu, self.total.memory, self.total.accelerators]

    def need(self, settings: Mapping[str, object]) -> Need:
        """Resources of a task with these settings, at most the whole machine.

        Raises:
            ValueError: a request is not a quantity.
        """
        if not settings:
            return NOTHING
        cpu = _asked(settings, "cpu")
        memory = _asked(settings, "memory")
        devices = settings.get("accelerator_count")
        return Need(
            min(int(1000 * cpu), self.total.cpu),
            min(int(memory), self.total.memory),
            min(int(quantity("accelerator", devices)) if devices not in (None, "") else 0, self.total.accelerators),
        )

    def fits(self, need: Need) -> bool:
        return need is NOTHING or (
            need.cpu <= self._free[0] and need.memory <= self._free[1] and need.accelerators <= self._free[2]
        )

    def take(self, need: Need, sign: int = -1) -> None:
        if need is not NOTHING:
            for index, amount in enumerate((need.cpu, need.memory, need.accelerators)):
                self._free[index] += sign * amount

    def give_back(self, need: Need) -> None:
        self.take(need, 1)


def _asked(settings: Mapping[str, object], what: str) -> float:
    value = settings.get(f"{what}_request") or settings.get(f"{what}_limit")
    return quantity(what, value) if value is not None and value != "" else 0.0


def this_machine() -> Need:
    """CPUs and memory that this process may use, and the accelerators of the machine."""
    return Need(1000 * cpus(), memory(), len(glob("/dev/nvidia[0-9]*")) or len(glob("/dev/dri/renderD*")))
