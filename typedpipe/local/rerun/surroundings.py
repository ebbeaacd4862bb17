"""Surroundings of a finished task, compared with the present ones: packages, platform, variables and imported files."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from typedpipe.diagnostics.model import Diagnostics
from typedpipe.ir import nodes as ir
from typedpipe.local.caching.fingerprint import Fingerprints
from typedpipe.local.caching.imports import state_of
from typedpipe.local.caching.key_changes import difference, environment_changes, place_changes
from typedpipe.local.options import RunOptions
from typedpipe.local.rerun.environment import own_variables
from typedpipe.local.runners import facts, placements
from typedpipe.local.scheduling.frame import Body, TaskRun
from typedpipe.local.store.cache_table import artifacts_of
from typedpipe.runs.model import ArtifactRef, Task, Value

PLACE = ["platform", "python", "requirements", "contents", "image_id"]
"""Parts of a key that depend on where the task runs."""
UNKNOWN = "the versions of its packages were not recorded"


@dataclass(slots=True)
class Surroundings:
    """Finds what would be different if a finished task ran now.

    Args:
        pipeline: The closed IR to run now.
        options: The options of the run that continues.
        before: Names of the variables that the run had, whose values are recorded as digests.
        progress: Called for slow steps, such as the creation of a virtual environment.
    """

    pipeline: ir.Pipeline
    options: RunOptions
    before: Collection[str] = ()
    progress: Callable[[str], None] | None = None
    _facts: dict[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    _prints: Fingerprints | None = None

    def differences(self, node: ir.Task, record: Task | None) -> list[str]:
        """Differences, for the user; empty if a new run would take the task from the cache, its code aside.

        Args:
            node: The task in the pipeline that runs now.
            record: The task as recorded when it had finished; None if it was not recorded.
        """
        prints = self._prints or self._placed()
        now = self._facts.get(node.component)
        if now is None:
            return []  # it cannot run here, which is reported when the run continues
        then = record.key_parts if record is not None else {}
        if record is None or not then:
            return [UNKNOWN] if now.get("requirements") or now.get("contents") else []
        if "cache_key" in then:
            return []  # the user chose the key
        own = own_variables(then.get("environment", {}), self.before)
        run = TaskRun(record.name, node, dict(record.inputs), own, {}, False, cast("Body", None))
        return [
            *_of_place(then, now, image="image" in now and node.options.image is None),
            *(each.text for each in environment_changes(then.get("environment", {}), prints.variables(run))),
            *_of_imports(prints, run, then),
        ]

    def _placed(self) -> Fingerprints:
        places = placements(self.pipeline, self.options.chosen_runner, Diagnostics(), self.progress)
        digests: dict[str, str] = {}
        self._facts.update({key: facts(place, digests) for key, place in places.items()})
        self._prints = Fingerprints(self.pipeline, self._facts, self.options.environment)
        return self._prints


def _of_place(then: Mapping[str, Any], now: Mapping[str, Any], *, image: bool) -> list[str]:
    """Differences of the packages, the Python, the platform, and the image."""
    parts = [*PLACE, "image"] if image else PLACE
    old, new = ({part: side[part] for part in parts if part in side} for side in (then, now))
    if old == new:
        return []
    return [each.text for each in place_changes(old, new)] or ["different packages, or a different `--runner`"]


def _of_imports(prints: Fingerprints, run: TaskRun, then: Mapping[str, Any]) -> Iterator[str]:
    """Differences of artifacts that are not stored: what is at their paths may have changed. For a task without a key, only
    the states of files are known.
    """
    for name, states in then.get("imports", {}).items():
        if any(state_of(path) != state for path, state in states):
            yield f"input `{name}` has different content"
    known = then.get("inputs", {})
    names = [name for name in known if any(not item.digest for item in _artifacts(run.values.get(name)))]
    if names:
        parts = prints.parts(run)
        now = {} if parts is None else parts.data["inputs"]
        for name in names:
            if now.get(name) != known[name]:
                yield f"input `{name}` has {difference(known[name], now[name]) if name in now else 'different content'}"


def _artifacts(value: Value) -> list[ArtifactRef]:
    return [] if isinstance(value, str) else list(artifacts_of(value))
