"""What arrives equals what was sent: objects of generated classes, through every way that a value takes."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, assume, given, note, settings, strategies as st

from tests.property.made_up_classes import Annotation, Classes, classes, same
from typedpipe.local.values import dump, load
from typedpipe.runtime import task
from typedpipe.types.annotations import Resolved, resolve
from typedpipe.types.assignable import mismatch
from typedpipe.types.data import from_data, to_data
from typedpipe.types.values import NotAConstant, constant

EVERYDAY = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@EVERYDAY
@given(classes(), st.data())
def test_an_object_arrives_as_it_was_sent(made: tuple[Classes, Annotation], data: st.DataObject) -> None:
    drawn, wanted = made
    note(drawn.source)
    resolved = resolve(wanted.text, drawn.space)
    assume(isinstance(resolved, Resolved))  # others are refused by lint
    assert isinstance(resolved, Resolved)
    type_ = to_data(resolved.type)
    assert from_data(type_) == resolved.type
    value: Any = data.draw(wanted.values)

    def arrives(text: str) -> None:
        note(text)
        back = task.decode(text, type_, "value", drawn.space)
        note(f"{value!r} arrived as {back!r}")
        assert same(back, value)

    sent = task.encode(value, type_)
    arrives(sent)
    arrives(dump(load(sent)))  # as the engine takes a value apart
    arrives(task.encode(task.decode(sent, type_), "any"))  # as the key of the cache is computed
    for wrapped in (
        f'{{"$tp":["index",[{sent}],0]}}',
        f'{{"$tp":["field",{{"a":{sent}}},"a"]}}',
        f'{{"$tp":["default",null,{sent}]}}',
        f'{{"$tp":["index",{{"$tp":["collected",[{json.dumps(sent)}]]}},0]}}',
    ):
        arrives(wrapped)
    arrives(task.encode(task.decode(sent, type_, "value", drawn.space), type_))


@EVERYDAY
@given(classes(), st.data())
def test_an_object_that_a_pipeline_passes_arrives_as_it_is(
    made: tuple[Classes, Annotation], data: st.DataObject
) -> None:
    drawn, wanted = made
    note(drawn.source)
    resolved = resolve(wanted.text, drawn.space)
    assume(isinstance(resolved, Resolved))
    assert isinstance(resolved, Resolved)
    value: Any = data.draw(wanted.values)
    text, own = constant(value)
    note(text)
    assert mismatch(own, resolved.type) is None
    back = task.decode(text, to_data(resolved.type), "value", drawn.space)
    note(f"{value!r} arrived as {back!r}")
    assert same(back, value)


_ = NotAConstant
