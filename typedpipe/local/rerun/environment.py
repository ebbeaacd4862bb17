"""Environment variables of a stored run, whose values may be secrets and are not stored."""

from __future__ import annotations

from collections.abc import Collection, Iterable

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
