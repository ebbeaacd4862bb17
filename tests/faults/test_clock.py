"""A clock that jumps, as a laptop's does when it wakes up or synchronizes its time."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

import pytest
from local_samples import ECHO, SLEEP, graph, pipeline, task

from typedpipe.ir.nodes import Options, Retry
from typedpipe.local import run
from typedpipe.runs import events


@pytest.mark.parametrize("jump", [-86_400.0, 86_400.0, -3.0])
def test_times_never_go_back_and_timers_do_not_care(
    jump: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    true, calls = time.time, itertools.count()
    monkeypatch.setattr(time, "time", lambda: true() + jump * (next(calls) % 7))
    seen: list[events.Event] = []
    body = graph(
        task("a", SLEEP, s=0.2),
        task("b", SLEEP, ("a",), Options(timeout_seconds=0.5), s=30.0),
        task("c", ECHO, ("b",), Options(ignore_upstream_failure=True, retry=Retry(1, backoff_seconds=0.1)), x=1),
    )
    began = time.monotonic()
    result = run(pipeline(body), {}, folder=tmp_path, on_event=seen.append, timeout=20, cache=False)
    assert time.monotonic() - began < 10
    assert result.tasks["b"].message == "timed out after 0.5 s"
    assert result.tasks["c"].state == "SUCCEEDED"
    times = [event.time for event in seen]
    assert times == sorted(times)
    for found in result.tasks.values():
        assert found.started is not None
        assert found.finished is not None
        assert 0 <= found.finished - found.started < 10
    assert 0 <= result.finished - result.started < 10
