"""Environment variables of a stored run, whose values may be secrets and are not stored."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from typedpipe.runs.model import Task
from typedpipe.runs.problems import problem


def require_values(names: Iterable[str], given: Collection[str]) -> None:
    """Check that the caller passes the values of the run's variables again.

    Args:
        names: Variables that the run had.
        given: Variables that are passed now.

    Raises:
        PipelineError: TP644.
    """
    missing = sorted(set(names) - set(given))
    if missing:
        raise problem(
            "TP644",
            f"the run used environment variables whose values are not stored: {', '.join(f'`{n}`' for n in missing)}",
            help="pass them again: " + " ".join(f"--env {name}=…" for name in missing),
        )


def own_variables(recorded: Mapping[str, str], of_run: Collection[str]) -> dict[str, str]:
    """Variables that a task had of its own; of the run's variables, only digests are recorded.

    Args:
        recorded: The variables in the parts of its key.
        of_run: Names of the run's variables.

    >>> own_variables({"A": "1", "B": "sha256:0"}, ["B"])
    {'A': '1'}
    """
    return {name: value for name, value in recorded.items() if name not in of_run or not value.startswith("sha256:")}


def variables_of(task: Task, of_run: Collection[str]) -> list[str]:
    """Those of the run's variables that a task had: a run that is resumed may get more, after the task has ended."""
    known = task.key_parts
    if task.state == "RUNNING" or not known or "cache_key" in known:
        return list(of_run)  # its own were not recorded
    return [name for name in of_run if name in known.get("environment", {})]
