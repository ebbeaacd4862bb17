"""Log lines between two frames: as many as the screen can show, however many there are."""

from __future__ import annotations

from dataclasses import dataclass, field

from typedpipe.cli.log_text import line_text

ROOM = 1 << 14
"""Number of bytes kept of each task for a frame: its last ones."""
EXACT = 1 << 18
"""Number of bytes in a frame up to which lines are counted; beyond, they are estimated from a sample."""
SAMPLE = 1 << 12


@dataclass(slots=True)
class _Held:
    data: bytearray = field(default_factory=bytearray)
    lines: int = 0
    """Dropped lines."""
    about: bool = False
    size: int = 0


class Sample:
    """Accepts chunks at the speed of the engine, and returns lines at reading speed."""

    def __init__(self) -> None:
        self._held: dict[str, _Held] = {}

    def add(self, task: str, data: bytes) -> None:
        """Keep the end of a task's output, and count what does not fit."""
        held = self._held.get(task)
        if held is None:
            held = self._held[task] = _Held()
        if len(held.data) + len(data) <= ROOM:
            held.data += data
            return
        start = max(0, len(data) - ROOM)
        at = data.find(b"\n", start) + 1
        keep = data[at:] if at else data[start:]
        held.size += len(held.data) + len(data)
        if held.size <= EXACT:
            held.lines += held.data.count(b"\n") + data.count(b"\n") - keep.count(b"\n")
        else:
            held.about = True
            held.lines += int(data[:SAMPLE].count(b"\n") * (len(held.data) + len(data) - len(keep)) / SAMPLE)
        held.data[:] = keep

    def take(self, budget: int) -> list[tuple[str, str]]:
        """About ``budget`` lines of all tasks together, each with its task; omitted lines are counted, per task."""
        speaking = [(task, held) for task, held in self._held.items() if held.lines or b"\n" in held.data]
        found: list[tuple[str, str]] = []
        for task, held in speaking:
            whole, end, rest = bytes(held.data).rpartition(b"\n")
            lines = whole.split(b"\n") if end else []
            share = max(2, budget // len(speaking))
            dropped = held.lines + max(0, len(lines) - share)
            if dropped:
                said = f"about {float(f'{dropped:.2g}'):,.0f}" if held.about else f"{dropped:,}"
                found.append((task, f"… {said} lines are not shown; see the log"))
            found += [(task, line_text(line)) for line in lines[-share:]]
            held.data[:] = rest
            held.lines, held.about, held.size = 0, False, 0
        return found

    def finish(self, task: str) -> None:
        """Mark a task's output as finished: an unterminated last line is completed."""
        held = self._held.get(task)
        if held is None:
            return
        if held.data and not held.data.endswith(b"\n"):
            held.data += b"\n"

    def forget_silent(self) -> None:
        """Discard tasks that have nothing more to show."""
        self._held = {task: held for task, held in self._held.items() if held.data or held.lines}
