"""Saved pipelines: the round trip; corrupted, hand-made or newer files are coded errors."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.ir_samples import SAMPLES, chain
from typedpipe.cli.app import run_app
from typedpipe.compiler.driver import check
from typedpipe.diagnostics.errors import PipelineError
from typedpipe.ir import nodes as ir, wire
from typedpipe.ir._pb import pipeline_pb2 as pb
from typedpipe.ir.text import dump
from typedpipe.types.model import INT

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("name", SAMPLES)
def test_round_trip_with_spans(name: str, tmp_path: Path) -> None:
    for pipeline in (SAMPLES[name](), check(SAMPLES[name]())):
        wire.save(pipeline, tmp_path / "p.tpir")
        loaded = wire.load(tmp_path / "p.tpir")
        assert repr(loaded) == repr(pipeline)  # equality leaves spans out
        assert dump(loaded) == dump(pipeline)
    assert [each.name for each in tmp_path.iterdir()] == ["p.tpir"]


def message() -> pb.PipelineFile:
    found = pb.PipelineFile()
    found.ParseFromString(wire.encode(SAMPLES["nested-loops"]())[len(wire.MAGIC) :])
    return found


def code(data: bytes) -> str:
    with pytest.raises(PipelineError) as caught:
        wire.decode(data, "x")
    (diagnostic,) = caught.value.diagnostics
    return diagnostic.code


def of(found: pb.PipelineFile) -> str:
    return code(wire.MAGIC + found.SerializeToString())


def test_every_truncation_is_an_error() -> None:
    data = wire.encode(SAMPLES["branch"]())
    for length in range(0, len(data), 7):
        with pytest.raises(PipelineError) as caught:
            wire.decode(data[:length])
        assert caught.value.diagnostics[0].code in ("TP320", "TP321"), length


def test_every_changed_byte_is_an_error_or_a_pipeline() -> None:
    data = bytearray(wire.encode(SAMPLES["artifacts"]()))
    for at in range(0, len(data), 5):
        changed = bytes(data[:at]) + bytes([data[at] ^ 0x55]) + bytes(data[at + 1 :])
        try:
            check(wire.decode(changed))
        except PipelineError:
            pass


def test_no_pipeline_at_all() -> None:
    assert code(b"") == code(b"apiVersion: v1") == code(wire.MAGIC) == "TP320"


def test_newer_files() -> None:
    newer = message()
    newer.min_reader = wire.VERSION + 1
    assert of(newer) == "TP321"
    unknown = message().SerializeToString() + b"\xfa\x01\x01x"  # field 31, length 1
    assert code(wire.MAGIC + unknown) == "TP321"


FILE = """
import json
from enum import Enum
from typedpipe import component, dsl, pipeline

{}

@component
def echo(text: str) -> str:
    return text

@pipeline
def main(text: str = "a", mode: {} = {}) -> str:
    return echo(text={}).output
"""
COLOR = "class Color(Enum):\n    RED = 1"


@pytest.mark.parametrize(
    ("definition", "type_", "default", "value", "oldest"),
    [
        ("", "int", "1", 'f"{text}"', 1),
        ("", "int", "1", "json.dumps({'a': f'{text}'})", 3),
        (COLOR, "Color", "Color.RED", 'f"{mode}"', 3),
    ],
)
def test_files_that_older_versions_would_misread(
    tmp_path: Path, definition: str, type_: str, default: str, value: str, oldest: int
) -> None:
    (tmp_path / "flow.py").write_text(FILE.format(definition, type_, default, value))
    run_app(["compile", str(tmp_path / "flow.py"), "--to", "ir", "-o", str(tmp_path / "flow.ir")])
    saved = pb.PipelineFile.FromString((tmp_path / "flow.ir").read_bytes()[len(wire.MAGIC) :])
    assert (saved.version, saved.min_reader) == (wire.VERSION, oldest)


def test_source_of_several_modules_is_not_read_by_older_versions() -> None:
    source = ir.PythonImpl("f", (ir.Chunk("x = 1\n", module="other"), ir.Chunk("def f(): ...\n")))
    pipeline = ir.Pipeline("p", ir.Graph(), components={"f": ir.Component("f", (), (), source, "")})
    assert pb.PipelineFile.FromString(wire.encode(pipeline)[len(wire.MAGIC) :]).min_reader == 3


def test_indexes_out_of_their_tables() -> None:
    for change in ("graph", "type", "span", "body", "expression"):
        bad = message()
        graph = bad.pipeline.graphs[0]
        if change == "graph":
            bad.pipeline.graph = 99
        elif change == "type":
            graph.nodes[1].loop.item_type = 99
        elif change == "span":
            graph.nodes[0].span.file = 99
        elif change == "body":
            graph.nodes[1].loop.body = 0
        else:
            graph.expressions[0].operands[0].expression = 5
        assert of(bad) == "TP320", change


def _text(*parts: ir.FormatPart) -> ir.Pipeline:
    graph = ir.Graph((ir.InputPort("n", INT),), exprs=(ir.Format(("a", *parts)),))
    return ir.Pipeline("p", graph)


@pytest.mark.parametrize("escapes", ["", "a", "u", "uaa"])
@pytest.mark.parametrize("table", [(), (("1", "Level.LOW"), ('"\\u00e9"', "é"))])
def test_texts_with_escapes_and_members_of_enums(escapes: str, table: tuple[tuple[str, str], ...]) -> None:
    pipeline = _text(ir.FormatPart(ir.FromInput("n"), ">8", "r", escapes, table), ir.FormatPart(ir.FromInput("n")))
    loaded = wire.decode(wire.encode(pipeline))
    assert loaded == pipeline
    assert dump(loaded) == dump(pipeline)


def test_each_part_of_a_format_shows_in_the_text_that_digests_are_made_of() -> None:
    n = ir.FromInput("n")
    parts = [ir.FormatPart(n), ir.FormatPart(n, escapes="a"), ir.FormatPart(n, escapes="u"), ir.FormatPart(n, "d")]
    parts += [ir.FormatPart(n, table=(("1", "x"),)), ir.FormatPart(n, table=(("1", "y"),)), ir.FormatPart(n, "", "r")]
    assert len({dump(_text(part)) for part in parts}) == len(parts)


@pytest.mark.parametrize(
    "how", [ir.FormatPart(ir.FromInput("n"), escapes="x"), ir.FormatPart(ir.FromInput("n"), "", "x")]
)
def test_unknown_ways_to_write_a_value_are_refused(how: ir.FormatPart) -> None:
    assert code(wire.encode(_text(how))) == "TP320"


def test_a_shared_body_and_an_unused_one() -> None:
    shared = message()
    shared.pipeline.graphs[0].nodes.add().CopyFrom(shared.pipeline.graphs[0].nodes[1])
    assert of(shared) == "TP320"
    unused = message()
    unused.pipeline.graphs.add()
    assert of(unused) == "TP320"


def test_deep_types_and_bad_constants() -> None:
    deep = message()
    deep.pipeline.types[0] = '["list",' * 100_000 + '"int"' + "]" * 100_000
    assert of(deep) == "TP320"
    bad = message()
    bad.pipeline.graphs[0].nodes[0].call.args[0].value.constant.json = "{{x}}"
    assert of(bad) == "TP320"


def test_files_that_cannot_be_read_or_written(tmp_path: Path) -> None:
    with pytest.raises(PipelineError) as caught:
        wire.load(tmp_path / "none")
    assert caught.value.diagnostics[0].code == "TP320"
    with pytest.raises(PipelineError) as caught:
        wire.save(chain(), tmp_path / "no" / "folder")
    assert caught.value.diagnostics[0].code == "TP322"


def test_generated_code_is_what_the_proto_gives(tmp_path: Path) -> None:
    subprocess.run(
        [str(ROOT / "proto/generate"), str(tmp_path)],
        check=True,
        env={"PYTHON": sys.executable, "PATH": "/usr/bin:/bin"},
    )
    for name in ("pipeline_pb2.py", "pipeline_pb2.pyi"):
        assert (tmp_path / name).read_text() == (ROOT / "typedpipe/ir/_pb" / name).read_text()


def test_checking_loads_no_protobuf_and_no_yaml() -> None:
    program = "import sys, typedpipe.compiler.driver as d; print([m for m in ('google', 'yaml', 'google.protobuf') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("magic", [b"", wire.MAGIC])
def test_a_huge_file_is_refused_before_it_is_read(
    tmp_path: Path, magic: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "big.ir"
    with file.open("wb") as stream:
        stream.write(magic)
        stream.truncate(6 << 30)  # a sparse file
    why = "at most" if magic else "the header of a saved pipeline is missing"
    with pytest.raises(PipelineError, match=why):
        wire.load(file)
    assert run_app(["ir", "verify", str(file)]) == 3
    said = capfd.readouterr().err
    assert "TP320" in said and why in said
