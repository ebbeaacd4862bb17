"""Round trip of events through JSON data."""

from __future__ import annotations

import json
from typing import get_args

import pytest

from typedpipe.runs import events
from typedpipe.runs.events import Event, from_data, to_data

SAMPLES: list[Event] = [
    events.RunNoted("it is slow", "TP622", "warning[TP622]: it is slow\n", 0.5),
    events.RunStarted("r", "p", 1.0),
    events.TaskStarted("for[1]/t", "t", 2, 1.5),
    events.LogChunk("t", 1, 7, "ä€\n".encode(), 2.0),
    events.LogChunk("t", 1, 7, b"\xff\x00\xe2\x82", 2.0),
    events.TaskRetried("t", 1, "why", 0.5, 2.0),
    events.TaskFinished("t", "c", "FAILED", 3, 1, "why", 3.0),
    events.TaskFinished("t", "c", "SUCCEEDED", 0, None, "", 3.0, "cache"),
    events.LoopStarted("for", 3, 1.0),
    events.LoopItemFinished("for", 1, 3, 1.0),
    events.CancelStarted("canceled", False, 4.0),
    events.RunFinished("r", "FAILED", "why", 5.0),
]


def test_every_kind_comes_back_as_it_was() -> None:
    assert {type(event) for event in SAMPLES} == set(get_args(Event))
    for event in SAMPLES:
        assert from_data(json.loads(json.dumps(to_data(event)))) == event


def test_bytes_that_are_no_text_can_be_read_all_the_same() -> None:
    data = to_data(events.LogChunk("t", 1, 0, b"ok \xff", 0.0))
    assert data["text"] == "ok \ufffd"
    assert data["base64"] == "b2sg/w=="
    assert "base64" not in to_data(events.LogChunk("t", 1, 0, b"ok", 0.0))


def test_keys_of_a_later_version_are_passed_over() -> None:
    data = to_data(SAMPLES[1]) | {"host": "here"}
    assert from_data(data) == SAMPLES[1]


@pytest.mark.parametrize("data", [{}, {"event": "Party"}, {"event": "TaskStarted", "task": "t"}])
def test_what_is_no_event_is_refused(data: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="event"):
        from_data(data)
