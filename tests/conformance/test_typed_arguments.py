"""Arguments as people type them, on the cluster of ``KUBECONFIG``: read as by the command line, or one coded message.

One workflow has an argument for each pair of a type and a text, a chain of conditions on each, and no pods: its tasks are
replaced by templates that do nothing. The wire text of an argument is that of an input of the outermost template.
"""

from __future__ import annotations

import importlib.util
import json
import math
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml

from tests.argo_cluster import Cluster
from typedpipe.compiler import driver
from typedpipe.ir.nodes import Pipeline
from typedpipe.runs.forms import NotOfType, from_text
from typedpipe.runtime.task import BadArgument, WireError, decode, encode
from typedpipe.types.model import EnumType, LiteralType, Type, is_optional, without_none

pytestmark = pytest.mark.cluster

if not os.environ.get("KUBECONFIG"):
    pytest.skip("KUBECONFIG names no cluster", allow_module_level=True)


TEXTS = [
    "3", "-3", "+3", "03", "-0", " 3", "3 ", "3_0", "0x10", "3.0", "3.", ".5", "0.5", "5e-1", "5E-1", "1e400", "-1e400", "nan",
    "inf", "-Infinity", "9007199254740992", "9007199254740993", "9223372036854775807", "9223372036854775808",
    "99999999999999999999", "-99999999999999999999", "00000000000000000000003", "true", "True", "TRUE", "yes", "off", "0", "1",
    "truee", "null", "None", "", " ", "fast", "Fast", '"fast"', "'fast'", '="fast"', '="f\\u0061st"', '="3"', '="null"',
    '="fast', '="f\\qst"', "=3", "RED", "red", "blue", "{", "}", "{=1}", "$(HOME)", "$$", "\\", "\\u0066ast", "a b", "\t3", "\x1b",
    "\x7f", "größe", "٣", "error TP187: x", "1 == 1", "<", "[3]", "[", '{"a":1}', "#", "%", "~", "y",
]  # fmt: skip
LIMIT = 2**63
JSON_NUMBER = r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?"

TYPES: dict[str, tuple[str, list[tuple[str, Callable[[Any], bool]]]]] = {
    "whole": ("int", [
        ("{} == 3", lambda v: v == 3), ("{} == 2**53", lambda v: v == 2**53), ("{} > 2.5", lambda v: v > 2.5),
        ("({} >= 0) & ({} < 1)", lambda v: v == 0),
    ]),
    "large": ("int", [("{} == 2**63 - 1", lambda v: v == LIMIT - 1), ("dsl.Not({} < 2**63)", lambda v: v >= LIMIT)]),
    "real": ("float", [("{} == 0.5", lambda v: v == 0.5), ("{} >= 3", lambda v: v >= 3), ("{} <= -0.5", lambda v: v <= -0.5)]),
    "flag": ("bool", [("{}", bool)]),
    "text": ("str", [
        ("{} == 'fast'", lambda v: v == "fast"), ("dsl.In({}, ['3', 'a b', '$$'])", lambda v: v in ["3", "a b", "$$"]),
        ("{} < 'a'", lambda v: v < "a"),
    ]),
    "note": ("str | None", [
        ("dsl.Some({}, 'none') == 'none'", lambda v: v is None), ("dsl.Some({}, 'none') == 'null'", lambda v: v == "null"),
    ]),
    "mode": ("Literal['fast', 'null', '3']", [("{} == 'fast'", lambda v: v == "fast"), ("{} != '3'", lambda v: v != "3")]),
    "level": ("Literal[0, 1, 3]", [("{} > 1", lambda v: v > 1), ("{} == 1", lambda v: v == 1)]),
    "color": ("Color", [("{} == Color.BOTH", lambda v: v == "RED"), ("{} == Color.RED", lambda v: v == "red")]),
    "maybe": ("int | None", [
        ("dsl.Some({}, 7) == 3", lambda v: (7 if v is None else v) == 3), ("dsl.Some({}, 7) == 7", lambda v: v is None or v == 7),
    ]),
    "either": ("bool | None", [("dsl.Some({}, True)", lambda v: v is None or v)]),
    "when": ("datetime", []),
    "mixed": ("int | float", []),
}  # fmt: skip


def source(kind: str) -> str:
    annotation, conditions = TYPES[kind]
    names = [f"a{i}" for i in range(len(TEXTS))]
    lines = [
        "from datetime import datetime", "from enum import Enum", "from typing import Literal", "from typedpipe import dsl",
        "class Color(Enum):", "    RED = 'red'", "    BLUE = 'blue'", "    BOTH = 'RED'",
        "@dsl.component(base_image='python:3.11-slim')", "def say(text: str) -> None:", "    print(text)",
        "@dsl.pipeline", f"def main({', '.join(f'{name}: {annotation}' for name in names)}) -> None:",
    ]  # fmt: skip
    for name in names:
        for number, (condition, _) in enumerate(conditions):
            lines += [
                f"    with dsl.{'Elif' if number else 'If'}({condition.replace('{}', name)}):",
                "        say(text='a')",
            ]
        if not conditions:
            lines.append(f"    say(text=f'{{{name}}}')")
    return "\n".join(lines) + "\n"


def pipeline(kind: str, folder: Path) -> Pipeline:
    path = folder / f"typed_{kind}.py"
    path.write_text(source(kind))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: Pipeline = module.main.ir
    return found


def expected(text: str, type_: Type) -> object:
    """The value by the documented rule; None is `null`, and a `NotOfType` if there is no value."""
    plain = text
    if text[:2] == '="' and text[-1] == '"':
        try:
            plain = str(json.loads(text[1:]))
        except ValueError:
            pass
    if text == "null" and is_optional(type_):
        return None
    try:
        return decode(from_text(plain, type_), "any")
    except NotOfType as error:
        return error


def submit(found: Pipeline, whole: bool, cluster: Cluster) -> str:
    """Start a run without pods; not ``whole``: by a Workflow that refers to a WorkflowTemplate."""
    name = f"arguments-{uuid4().hex[:8]}"
    (text,) = driver.compile(found, "argo", {"name": name}).values()
    *libraries, manifest = yaml.safe_load_all(text)
    for template in [each for document in (*libraries, manifest) for each in document["spec"]["templates"]]:
        if template.pop("script", None):
            template["suspend"] = {"duration": "0"}
            template.pop("metadata")
    for each in ("podMetadata", "volumes"):  # the runtime, which a run by reference stores once for each template
        manifest["spec"].pop(each)
    for library in libraries:
        cluster.keep(library)
    given = [{"name": f"a{i}", "value": text} for i, text in enumerate(TEXTS)]
    if whole:
        manifest["spec"]["arguments"]["parameters"] = given
        return cluster.submit(manifest)
    manifest["kind"] = "WorkflowTemplate"
    cluster.keep(manifest)
    time.sleep(3)  # the controller has a cache
    spec = {"workflowTemplateRef": {"name": name}, "arguments": {"parameters": given}}
    kind = {"apiVersion": manifest["apiVersion"], "kind": "Workflow"}
    return cluster.submit({**kind, "metadata": {"generateName": "arguments-"}, "spec": spec})


@pytest.mark.parametrize("kind", list(TYPES))
def test_every_text_is_read_as_by_the_command_line(kind: str, tmp_path: Path) -> None:
    cluster = Cluster.from_environment()
    found = pipeline(kind, tmp_path)
    type_ = found.graph.inputs[0].type
    finite = isinstance(without_none(type_), LiteralType | EnumType)  # Argo refuses other texts in a whole Workflow
    whole = list(TYPES).index(kind) % 2 == 0 and not finite
    name = submit(found, whole, cluster)
    workflow = cluster.wait(name)
    assert not workflow.get("hung")
    nodes = workflow["status"]["nodes"]
    wires = {each["name"]: each["value"] for each in nodes[name]["inputs"]["parameters"]}
    arms: dict[str, str] = {}
    for node in nodes.values():
        given = {each["name"]: each["value"] for each in (node.get("inputs") or {}).get("parameters", ())}
        if "tp-arm" in given:
            arms[node["displayName"]] = given["tp-arm"]
    ifs = ["if-task", *(f"if-{i}" for i in range(2, len(TEXTS) + 1))]
    wrong = []
    for i, text in enumerate(TEXTS):
        value = expected(text, type_)
        wrong += [f"{text!r}: {fault}" for fault in _faults(wires[f"tp-in-a{i}"], value, type_)]
        if not TYPES[kind][1]:
            continue
        arm = arms.get(ifs[i], "no node")
        if isinstance(value, NotOfType):
            right = arm.startswith(f"error TP187: argument `a{i}`: expected ")
        else:
            number = next((n for n, (_, holds) in enumerate(TYPES[kind][1], 1) if holds(value)), 0)
            right = arm == str(number) or arm in _refusals(text, value, i)
            if text[:2] == '="' and kind != "text":  # a task reads it, the controller does not
                right = right or arm.startswith(f"error TP187: argument `a{i}`: expected ")
        if not right:
            wrong.append(f"{text!r} is {value!r}, arm {arm}")
    assert not wrong, "\n".join(wrong)
    cluster.delete(name)
    cluster.forget_kept()


def _faults(wire: str, value: object, type_: Type) -> Iterator[str]:
    """Differences between the value that a task reads and the one of the command line."""
    try:
        read: object = decode(wire, "any")
    except WireError as error:
        if not isinstance(value, NotOfType) or not isinstance(error, BadArgument):
            yield f"{value!r} is read as {error!r}"
        return
    if isinstance(value, NotOfType) or encode(read, "any") != encode(value, "any"):
        yield f"{value!r} is read as {read!r}"


def _refusals(text: str, value: object, number: int) -> Iterator[str]:
    """Errors in place of an answer that the controller cannot give."""
    said = f"error TP187: argument `a{number}`: expected "
    if value is None and text != "null":
        yield f"{said}`int | None` of at most 18 digits, written as in JSON"
    if isinstance(value, float) and (not math.isfinite(value) or not re.fullmatch(JSON_NUMBER, text)):
        yield f"{said}a finite `float`, written as in JSON"
    if type(value) is int and not re.fullmatch("0|-?[1-9][0-9]*", text):
        yield f"{said}`int`, written as in JSON"
        yield f"{said}`int | None`, written as in JSON"
    if type(value) is int and (abs(value) >= 10**18 or not re.fullmatch("0|-?[1-9][0-9]*", text)):
        yield f"{said}`int` of at most 18 digits, written as in JSON"
        yield f"{said}`int | None` of at most 18 digits, written as in JSON"
