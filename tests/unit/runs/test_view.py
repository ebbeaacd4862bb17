from __future__ import annotations

from typedpipe.ir.nodes import Graph, Pipeline, Task
from typedpipe.runs import events
from typedpipe.runs.view import RunView


def test_a_run_that_is_taken_up_again_runs() -> None:
    view = RunView(Pipeline("p", Graph(nodes=(Task("t", "c"),))))
    for event in (
        events.RunStarted("r", "p", 1.0),
        events.TaskStarted("t", "c", 1, 2.0),
        events.TaskFinished("t", "c", "FAILED", 1, 1, "no luck", 3.0),
        events.RunFinished("r", "FAILED", "t: no luck", 4.0),
        events.RunStarted("r", "p", 5.0),
        events.TaskStarted("t", "c", 2, 6.0),
    ):
        view(event)
    task = view.tasks()["t"]
    assert (view.state, view.ended, view.message) == ("RUNNING", False, "")
    assert (task.state, task.attempts, task.finished, task.exit_code) == ("RUNNING", 2, None, None)


def test_events_in_any_order_and_more_than_once() -> None:
    view = RunView(Pipeline("p", Graph()))
    for event in (
        events.LoopItemFinished("for", 1, 3, 4.0),
        events.TaskFinished("for[0]/t", "c", "SUCCEEDED", 1, 0, "", 3.0),
        events.TaskRetried("x", 1, "again", 0.0, 1.0),
        events.RunFinished("r", "SUCCEEDED", "", 5.0),
        events.RunFinished("r", "SUCCEEDED", "", 5.0),
    ):
        view(event)
    assert view.ended and view.loops() == {"for": (1, 3)}
    assert {name: task.state for name, task in view.tasks().items()} == {"for[0]/t": "SUCCEEDED", "x": "WAITING"}
