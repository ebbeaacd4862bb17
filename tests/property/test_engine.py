"""Laws of the engine over generated pipelines, with tasks that end in any order and way, and cancels at any time."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, given, settings, strategies as st

from tests.property.made_up import ENDS, Counted, Model, Said, Scripted, exits, note, pipelines, waits
from typedpipe.ir.nodes import Loop, Pipeline
from typedpipe.local.caching.fingerprint import Fingerprints
from typedpipe.local.engine import Engine
from typedpipe.local.recorder import Reuse, RunRecorder
from typedpipe.local.settings import Settings
from typedpipe.local.store.index import RunFolder, tasks
from typedpipe.local.store.root import Root, open_root
from typedpipe.runs.model import RunEnd, Value

EVERYDAY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
JOBS = st.integers(1, 4)


@dataclass
class Played:
    """A run that is over."""

    pipeline: Pipeline
    said: list[Said]
    ok: bool
    machine: Counted
    started: list[str] = field(init=False)
    states: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.started = [one.task for one in self.said if one.what == "start"]
        over = [one for one in self.said if one.what == "over"]
        assert max(Counter(one.task for one in over).values(), default=1) == 1, "a task ended twice"
        self.states = {one.task: str(one.detail) for one in over}


def play(pipeline: Pipeline, data: st.DataObject, *, jobs: int, interrupts: int = 0) -> Played:
    """Run with ends that are drawn while it goes on; ``interrupts`` of its steps cancel it."""
    with tempfile.TemporaryDirectory() as place:
        root = open_root(Path(place) / "runs", create=True)
        folder = root.new_run("_@run", pipeline, {}, {})
        return play_in(root, folder, pipeline, data, jobs=jobs, interrupts=interrupts, done={})


def play_in(
    root: Root,
    folder: RunFolder,
    pipeline: Pipeline,
    data: st.DataObject,
    *,
    jobs: int,
    interrupts: int,
    done: Mapping[str, Mapping[str, Value]],
) -> Played:
    said: list[Said] = []
    machine = Counted()
    left = [interrupts]

    def choose(tickets: list[str]) -> tuple[str, int]:
        ticket = tickets[data.draw(st.integers(0, len(tickets) - 1), label="who ends")]
        return ticket, data.draw(st.sampled_from(ENDS), label="how")

    def between() -> None:
        if left[0] and data.draw(st.booleans(), label="cancel"):
            left[0] -= 1
            engine.cancel()

    launcher = Scripted(choose, between, jobs, said)
    chosen = Settings(jobs, grace=0.0, on_event=note(said), launch=lambda: launcher, machine=lambda: machine)
    recorder = RunRecorder(root, folder, Reuse(Fingerprints(pipeline), default=False, done=done, resumed=True))
    engine = Engine(pipeline, folder.name, folder.path, chosen, recorder)
    try:
        result = engine.run({})
        state: RunEnd = "SUCCEEDED" if result.ok else "FAILED"
        recorder.run_finished(state, "", {}, engine.now())
    finally:
        recorder.close()
    assert not launcher.live, "the run is over, and tasks still run"
    return Played(pipeline, said, result.ok, machine)


@settings(EVERYDAY, max_examples=150)
@given(pipelines(), st.data(), JOBS)
def test_every_run_is_what_the_model_says(pipeline: Pipeline, data: st.DataObject, jobs: int) -> None:
    run = play(pipeline, data, jobs=jobs)
    model = Model(pipeline, run.said)
    assert run.states == model.states
    assert run.ok == model.ok
    assert set(run.started) == {name for name, state in model.states.items() if state != "OMITTED"}


@EVERYDAY
@given(pipelines(), st.data(), JOBS, st.integers(0, 2))
def test_nothing_starts_before_what_it_needs(pipeline: Pipeline, data: st.DataObject, jobs: int, cancels: int) -> None:
    run = play(pipeline, data, jobs=jobs, interrupts=cancels)
    begun = {name: min(i for i, one in enumerate(run.said) if one == Said("start", name)) for name in set(run.started)}
    over = {one.task: i for i, one in enumerate(run.said) if one.what == "over"}
    for later, earlier in waits(pipeline, begun):
        assert over[earlier] < begun[later], f"{later} began before {earlier} was over"


@EVERYDAY
@given(pipelines(), st.data(), JOBS, st.integers(1, 2))
def test_a_canceled_run_ends_and_starts_nothing_but_exits(
    pipeline: Pipeline, data: st.DataObject, jobs: int, cancels: int
) -> None:
    run = play(pipeline, data, jobs=jobs, interrupts=cancels)
    assert set(run.started) <= set(run.states), "a task began and has no end"
    assert run.machine.all_free
    whats = [one.what for one in run.said]
    if "cancel" in whats:
        after = {one.task.rpartition("/")[2] for one in run.said[whats.index("cancel") :] if one.what == "start"}
        assert after <= exits(pipeline.graph)
    if "killing" in whats:
        assert "start" not in whats[whats.index("killing") :]


@EVERYDAY
@given(pipelines(), st.data(), JOBS)
def test_loops_keep_to_their_parallelism(pipeline: Pipeline, data: st.DataObject, jobs: int) -> None:
    run = play(pipeline, data, jobs=jobs)
    limits = {node.name: node.parallelism for node in pipeline.graph.nodes if isinstance(node, Loop)}
    live: dict[str, Counter[str]] = {name: Counter() for name in limits}
    for one in run.said:
        name, _, rest = one.task.partition("[")
        if name not in limits or one.what not in {"start", "end"}:
            continue
        item = rest.partition("]")[0]
        live[name][item] += 1 if one.what == "start" else -1
        busy = sum(count > 0 for count in live[name].values())
        assert not limits[name] or busy <= limits[name]


@EVERYDAY
@given(pipelines(), st.data(), JOBS, st.integers(0, 2))
def test_a_resumed_run_takes_what_succeeded_and_runs_the_rest(
    pipeline: Pipeline, data: st.DataObject, jobs: int, cancels: int
) -> None:
    with tempfile.TemporaryDirectory() as place:
        root = open_root(Path(place) / "runs", create=True)
        folder = root.new_run("_@run", pipeline, {}, {})
        first = play_in(root, folder, pipeline, data, jobs=jobs, interrupts=cancels, done={})
        root = open_root(Path(place) / "runs")
        run = root.run("_@run")
        stored = tasks(run)
        assert {task.name: task.state for task in stored} == first.states
        done = {task.name: task.outputs for task in stored if task.state == "SUCCEEDED"}
        second = play_in(root, root.reopen(run), pipeline, data, jobs=jobs, interrupts=0, done=done)
    assert done.keys().isdisjoint(second.started)
    model = Model(pipeline, [Said("end", name, 0) for name in done] + second.said)
    assert second.states == model.states
    assert second.ok == model.ok
