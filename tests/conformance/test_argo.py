"""Every construct on the cluster of ``KUBECONFIG``, compared with its file and with its local run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from cases import NAMES, Outcome, differences, load, run_here
from table import ROWS, Row

pytestmark = pytest.mark.cluster
AT_ONCE = int(os.environ.get("CONFORMANCE_AT_ONCE", "4"))
"""Workflows side by side: a node of two cores starts about one pod a second."""

RARELY = (
    *("captures", "environments", "many_tasks", "many_templates", "order", "resources"),
    *("asks_containers", "asks_loops", "broken_contracts", "exit_messages", "exit_pipeline", "ignored_across"),
    *("logged_artifacts", "loop_artifacts", "loop_errors", "metadata", "names", "optionals"),
)
"""Constructs that CI leaves out, to start at most 200 pods: large ones, and those of which others have parts."""

if not os.environ.get("KUBECONFIG"):
    pytest.skip("KUBECONFIG names no cluster", allow_module_level=True)

Run = tuple[Outcome, dict[str, Any]]


@pytest.fixture(scope="module")
def runs(request: pytest.FixtureRequest) -> Iterator[dict[str, Future[Run]]]:
    """The workflows of the tests that were chosen, started side by side; deleted at the end unless they went wrong."""
    from cluster import run_there

    from tests.argo_cluster import Cluster

    cluster = Cluster.from_environment()
    chosen = [
        str(item.callspec.params["name"])
        for item in request.session.items
        if item.path == request.path and isinstance(item, pytest.Function)
    ]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {name: pool.submit(run_there, load(name), cluster) for name in chosen}
    cluster.forget_kept()


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.heavy) if n in RARELY else n for n in NAMES])
def test_construct(
    name: str,
    runs: dict[str, Future[Run]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    monkeypatch.setenv("TYPEDPIPE_CONTAINERS", "host")
    case = load(name)
    here = run_here(case, tmp_path)[2]
    row = Row(name, here.state, "not run", 0, 0.0)
    request.config.stash.setdefault(ROWS, []).append(row)
    there, workflow = runs[name].result()
    row.argo, row.pods, row.seconds = there.state, there.pods, there.seconds
    wrong = [*differences(case.expected, there), *_apart(here, there, exactly=not case.on_argo)]
    if wrong:
        row.argo += " (differs)"
        pytest.fail(f"{name} ({there.hint}): " + "\n  ".join(wrong), pytrace=False)
    _forget(workflow)


def _apart(here: Outcome, there: Outcome, *, exactly: bool) -> list[str]:
    """Differences between the two runs."""
    wrong = []
    if here.state != there.state:
        wrong.append(f"here the run has {here.state}, there it has {there.state}")
    if here.outputs != there.outputs:
        wrong.append(f"outputs here {here.outputs!r}\n  outputs there {there.outputs!r}")
    if exactly and here.pods != there.pods:
        ended = [sorted((task.component, task.attempts) for task in run.tasks) for run in (here, there)]
        wrong.append(f"{here.pods} tries of tasks here, {there.pods} pods there:\n  {ended[0]}\n  {ended[1]}")
    return wrong


def _forget(workflow: dict[str, Any]) -> None:
    from tests.argo_cluster import Cluster

    Cluster.from_environment().delete(workflow["metadata"]["name"])
