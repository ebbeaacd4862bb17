"""Resources that tasks use, and tasks that wait for free resources."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path

import pytest
from local_samples import BOOM, ECHO, MARK, SLEEP, component, const, graph, pipeline, task

from typedpipe.ir.nodes import Options, Retry
from typedpipe.local import run
from typedpipe.local.scheduling.resources import Machine, Need, quantity
from typedpipe.types.model import STR

SMALL = Need(2000, 8 << 30, 1)


@pytest.mark.parametrize(
    ("what", "text", "number"),
    [("cpu", "500m", 0.5), ("cpu", 2, 2.0), ("memory", "1Ki", 1024.0), ("memory", "1.5G", 1.5e9), ("memory", "3", 3.0)],
)
def test_quantities(what: str, text: object, number: float) -> None:
    assert quantity(what, text) == number


@pytest.mark.parametrize("text", ["", "much", "-1", "1 Gi", "1e3", "0x1", "nan"])
def test_what_is_no_quantity_is_said(text: str) -> None:
    with pytest.raises(ValueError, match=r"the memory request '.*' is not a quantity: use `512Mi` or `4G`"):
        quantity("memory", text)


def test_a_limit_is_a_request_as_in_kubernetes_and_nothing_is_more_than_all() -> None:
    machine = Machine(SMALL)
    assert machine.need({}) == Need()
    assert machine.need({"cpu_limit": "500m", "memory_limit": "1Gi"}) == Need(500, 1 << 30)
    assert machine.need({"cpu_request": "100m", "cpu_limit": "500m"}).cpu == 100
    assert machine.need({"cpu_request": "64", "memory_request": "1Ti", "accelerator_count": 8}) == SMALL


def test_what_is_taken_is_given_back() -> None:
    machine = Machine(SMALL)
    need = Need(1500, 1, 1)
    machine.take(need)
    assert not machine.fits(need)
    assert machine.fits(Need(500, 8, 0))
    machine.give_back(need)
    assert machine.fits(SMALL)


def test_tasks_that_ask_for_the_machine_run_one_after_another(tmp_path: Path) -> None:
    whole = Options(memory_request=const("1Ei"))
    names = ("a", "b", "c")
    result = run(pipeline(graph(*(task(n, SLEEP, (), whole, s=0.15) for n in names))), {}, folder=tmp_path)
    spans = sorted((t.started or 0.0, t.finished or 0.0) for t in result.tasks.values())
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))


def test_tasks_that_ask_for_nothing_wait_together(tmp_path: Path) -> None:
    """Each waits until all of them have begun."""
    meet = component(
        "meet",
        """
        def meet(place, mine):
            import os, time
            open(os.path.join(place, mine), "w").close()
            end = time.monotonic() + 120
            while len(os.listdir(place)) < 8:
                assert time.monotonic() < end
                time.sleep(0.01)
        """,
        {"place": STR, "mine": STR},
    )
    (tmp_path / "met").mkdir()
    nodes = (task(f"t{i}", meet, place=str(tmp_path / "met"), mine=str(i)) for i in range(8))
    result = run(pipeline(graph(*nodes), meet), {}, folder=tmp_path / "root", jobs=8)
    assert result.succeeded, result.message


def test_fail_fast_stops_what_runs(tmp_path: Path) -> None:
    body = graph(task("bad", BOOM, x=1), task("slow", SLEEP, s=600), task("later", ECHO, ("slow",), x=1))
    result = run(pipeline(body), {}, folder=tmp_path, fail_fast=True)
    states = {name: found.state for name, found in result.tasks.items()}
    assert (result.state, states) == ("FAILED", {"bad": "FAILED", "slow": "CANCELED", "later": "OMITTED"})
    assert "bad" in result.message
    for stopped in ("slow", "later"):
        assert result.tasks[stopped].message == "bad failed, and the run stops at the first failure"


def test_fail_fast_goes_on_after_a_failure_that_is_ignored(tmp_path: Path) -> None:
    note = tmp_path / "note"
    mark = task("mark", MARK, ("bad",), Options(ignore_upstream_failure=True), path=str(note), text="x")
    result = run(pipeline(graph(task("bad", BOOM, x=1), mark)), {}, folder=tmp_path, fail_fast=True)
    assert note.read_text() == "x", result.message


def test_a_canceled_run_does_not_wait_for_the_next_try(tmp_path: Path) -> None:
    flaky = task("flaky", BOOM, (), Options(retry=Retry(3, 600.0)), x=1)
    start = time.monotonic()
    result = run(pipeline(graph(flaky)), {}, folder=tmp_path, timeout=0.7)
    assert time.monotonic() - start < 300  # the next try is later
    assert result.tasks["flaky"].state == "CANCELED"


def test_a_chain_of_many_tasks_that_cannot_start_is_no_recursion(tmp_path: Path) -> None:
    never = component("never", "def never(x):\n    return x\n", {"x": ECHO.inputs[0].type})
    options = Options(cpu_request=const("much"))
    nodes = [task(f"t{i}", never, (f"t{i - 1}",) if i else (), options, x=1) for i in range(1500)]
    ignoring = [
        n
        if not i
        else task(n.name, never, n.after, Options(cpu_request=const("much"), ignore_upstream_failure=True), x=1)
        for i, n in enumerate(nodes)
    ]
    result = run(pipeline(graph(*ignoring), never), {}, folder=tmp_path)
    assert {t.state for t in result.tasks.values()} == {"FAILED"}
    assert "`500m` or `2`" in result.message
