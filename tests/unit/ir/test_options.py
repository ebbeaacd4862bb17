"""The table of options: each form of the IR reads it, so one row is enough for all forms."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from typedpipe.diagnostics.errors import PipelineError
from typedpipe.ir import nodes as ir, options, wire, wire_read
from typedpipe.ir.text import dump
from typedpipe.types.model import INT, STR

CHOSEN = ir.Options(
    retry=ir.Retry(3, 30.0, 2.0, 600.0),
    timeout_seconds=90.0,
    caching=False,
    cache_key="nightly",
    cpu_request=ir.Const('"500m"', STR),
    cpu_limit=ir.FromInput("cores"),
    memory_request=ir.Const('"1Gi"', STR),
    memory_limit=ir.Const('"2Gi"', STR),
    accelerator_type=ir.Const('"nvidia.com/gpu"', STR),
    accelerator_count=ir.Const("1", INT),
    env=(("SEED", ir.Const('"1"', STR)),),
    image=ir.Const('"python:3.12"', STR),
    display_name="Train",
    ignore_upstream_failure=True,
    extensions=(("kubernetes", '{"nodeSelector":{"disk":"ssd"}}'),),
)


def pipeline(chosen: ir.Options) -> ir.Pipeline:
    return ir.Pipeline("p", ir.Graph(inputs=(ir.InputPort("cores", STR),), nodes=(ir.Task("t", "c", options=chosen),)))


def test_each_field_has_its_row_and_each_row_its_field() -> None:
    names = {field.name for field in fields(ir.Options)}
    assert {row.name for row in options.OPTIONS} == names
    assert {row.name for row, _ in options.set_options(CHOSEN)} == names, "the sample sets them all"


def test_each_option_is_in_the_text_and_survives_a_file() -> None:
    text = dump(pipeline(CHOSEN))
    for row, value in options.set_options(CHOSEN):
        alone = pipeline(replace(ir.DEFAULT_OPTIONS, **{row.name: value}))
        line = dump(alone).splitlines()[-1]
        assert " with " in line, row.name
        assert line.split(" with ", 1)[1] in text, row.name
        assert dump(wire.decode(wire.encode(alone))) == dump(alone), row.name
    assert wire.decode(wire.encode(pipeline(CHOSEN))) == pipeline(CHOSEN)


def test_a_plain_option_needs_no_field_of_its_own_in_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def moved(row: options.Option) -> options.Option:
        return row._replace(wire="json") if row.name in ("cache_key", "caching") else row

    rows = tuple(map(moved, options.OPTIONS))
    monkeypatch.setattr(options, "OPTIONS", rows)
    data = wire.encode(pipeline(CHOSEN))
    with pytest.raises(PipelineError) as caught:
        wire.decode(data)  # this reader's table does not have them there
    assert caught.value.diagnostics[0].code == "TP320"
    monkeypatch.setattr(wire_read, "_BY_NAME", {"cache_key", "caching"})
    monkeypatch.setattr(wire_read, "_PLAIN", [row for row in rows if row.kind in ("number", "switch", "text", "flag")])
    assert wire.decode(data) == pipeline(CHOSEN)


def test_only_options_that_may_be_values_are_operands() -> None:
    assert [name for name, _ in options.option_operands(CHOSEN)] == [*options.OPERANDS, "env.SEED"]
    assert options.option_operands(ir.DEFAULT_OPTIONS) == []
