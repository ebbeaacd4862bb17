"""One task from its spec to its files: values, artifacts, errors, exit codes."""

from __future__ import annotations

import glob
import json
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from typedpipe.runtime import PATH, task

DATASET = ["artifact", "system.Dataset", "0.0.1", ["system.Artifact"]]
MODEL = ["artifact", "system.Model", "0.0.1", ["system.Artifact"]]
METRICS = ["artifact", "system.Metrics", "0.0.1", ["system.Artifact"]]
CONFIG = ["struct", "Config", "dataclass", [["rate", "float", True], ["layers", ["list", "int"], True]]]


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Keep the process state of one test from leaking into the next."""
    monkeypatch.setenv("TYPEDPIPE_TERMINATION_LOG", str(tmp_path / "log"))
    modules, paths, finders = dict(sys.modules), list(sys.path), list(sys.meta_path)
    yield
    sys.modules.pop(task.MODULE, None)
    for name in set(sys.modules) - set(modules):
        if name.startswith("typedpipe"):
            del sys.modules[name]
    sys.path[:], sys.meta_path[:] = paths, finders


class Job:
    def __init__(self, root: Path, source: str, inputs: Any = (), outputs: Any = (), returns: str = "none") -> None:
        text = textwrap.dedent(source).lstrip("\n")
        head = [["lib.py", 1, "from pathlib import Path\n"]] if "Path(" in text else []
        self.root = root / "tp"
        self.spec: dict[str, Any] = {
            "component": "step", "entry": "step", "returns": returns, "chunks": [*head, ["user.py", 11, text]],
            "inputs": [[name, name, how, type_, default] for name, how, type_, default in inputs],
            "outputs": [[name, name, how, type_] for name, how, type_ in outputs],
        }  # fmt: skip

    def run(self, **parameters: str) -> Job:
        assert task.main(self.spec, self.wire(parameters), str(self.root), alone=False) == 0
        return self

    def wire(self, parameters: dict[str, str]) -> list[dict[str, str]]:
        """Parameters by name; ``tp_x`` is the descriptor of the artifact ``x``, or a parameter of the engine."""
        known = {f"tp_{name}": task.descriptor_key(name) for name, *_ in self.spec["inputs"]}
        names = {name: known.get(name, name.replace("tp_", "tp-")) for name in parameters}
        return [{"name": names[name], "value": value} for name, value in parameters.items()]

    def fail(self, code: int, **parameters: str) -> None:
        with pytest.raises(SystemExit) as caught:
            task.main(self.spec, self.wire(parameters), str(self.root), alone=False)
        assert caught.value.code == code

    def text(self, *parts: str) -> str:
        return self.root.joinpath("out", *parts).read_text(encoding="utf-8")

    def companion(self, name: str) -> Any:
        return json.loads(self.text("p", task.descriptor_key(name)))

    def give(self, name: str, text: str | None) -> None:
        place = self.root / "in" / name
        if text is None:
            place.mkdir(parents=True)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8")


def test_values_arrive_by_type_and_defaults_are_data(tmp_path: Path) -> None:
    job = Job(
        tmp_path,
        """
        @component(base_image=X)
        def step(a: Unknown, /, b: "also unknown" = DEFAULT, *, c=1) -> Nowhere:
            return [a, b, c]
        """,
        [("a", "value", "int", None), ("b", "value", "float", "2"), ("c", "value", "str", '"x"')],
        [("output", "return", ["list", "any"])],
        "one",
    ).run(a="7")
    assert job.text("p", "output") == '[7,2.0,"x"]'
    assert json.loads(json.loads(job.text("p", "output.box"))) == [7, 2.0, "x"]


@pytest.mark.parametrize("how", ["path", "artifact"])
@pytest.mark.parametrize("folders", [False, True])
def test_each_artifact_has_its_own_content(tmp_path: Path, how: str, folders: bool) -> None:
    """Objects of outputs that are given as paths exist only while they are described: their ids are used again."""
    names = [f"out{number}" for number in range(20)]
    inside = 'Path(path).mkdir(); path = f"{path}/a"' if folders else "pass"
    Job(
        tmp_path,
        f"""
        def step({", ".join(names)}):
            for name, out in list(locals().items()):
                path = getattr(out, "path", out)
                {inside}
                Path(path).write_text(name)
        """,
        [],
        [(name, how, DATASET) for name in names],
    ).run()
    root = tmp_path / "tp" / "out"
    contents = [(root / "a" / name / ("a" if folders else "")).read_text() for name in names]
    digests = {json.loads((root / "p" / f"tp-{name}").read_text())["digest"] for name in names}
    assert contents == names
    assert len(digests) == len(names)


@pytest.mark.parametrize("value", ["(1, 'x')", "Out(1, 'x')", "Record(1, 'x')"])
def test_the_fields_of_a_result_are_outputs(tmp_path: Path, value: str) -> None:
    job = Job(
        tmp_path,
        f"""
        def step():
            from dataclasses import make_dataclass
            from collections import namedtuple
            Out = namedtuple("Out", ["n", "s"])
            Record = make_dataclass("Record", ["n", "s"])
            return {value}
        """,
        [],
        [("n", "field", "int"), ("s", "field", "str")],
        "fields",
    ).run()
    assert (job.text("p", "n"), job.text("p", "s")) == ("1", '"x"')
    assert not (job.root / "out/p/n.box").exists()


def test_artifacts_and_their_companions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TYPEDPIPE_KEY", "s3://b/run/{output}/x")
    monkeypatch.setenv("TYPEDPIPE_POD", "pod-7")
    job = Job(
        tmp_path,
        """
        def step(data, path, report, m):
            assert Path(data).read_text() == Path(path).read_text() == "rows" and path.artifact.metadata == {"n": 1}
            assert isinstance(path, str) and data.uri == "s3://b/in" and type(data).__name__ == "Dataset"
            with open(report, "w") as out:
                out.write("ok")
            m.log_metric("loss", float("inf"))
            made = Model(metadata={"framework": "own"})
            with open(made.path, "w") as out:
                out.write("weights")
            Dataset().path  # never returned: dropped
            return made
        """,
        [("data", "artifact", DATASET, None), ("path", "path", DATASET, None)],
        [("report", "path", DATASET), ("m", "artifact", METRICS), ("output", "return", MODEL)],
        "one",
    )
    job.give("data", "rows")
    job.give("path", "rows")
    companion = '{"type":"system.Dataset","metadata":{"n":1},"uri":"s3://b/in","name":"d"}'
    job.run(tp_data=companion, tp_path=companion)
    assert (job.text("a", "output"), job.text("a", "report")) == ("weights", "ok")
    assert json.loads(job.text("a", "m")) == {"loss": {"$tp": ["float", "inf"]}}
    made = job.companion("output")
    assert made.pop("digest").startswith("sha256:")
    assert job.text("p", "tp-output")[:7] + made.pop("id") == job.text("p", "tp-output")[:71]
    assert made == {
        "type": "system.Model", "version": "0.0.1", "name": "output", "metadata": {"framework": "own"},
        "uri": "s3://b/run/output/x", "size": 7, "key": "pod-7",
    }  # fmt: skip
    assert json.loads(job.text("p", "tp-output.box")) == job.text("p", "tp-output")
    assert not (job.root / "out/new").exists()


def test_the_id_of_an_artifact_is_that_of_all_that_a_consumer_sees_but_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made(pod: str, metadata: str, content: str = "x", name: str = "") -> dict[str, Any]:
        monkeypatch.setenv("TYPEDPIPE_POD", pod)
        monkeypatch.setenv("TYPEDPIPE_KEY", f"run/{pod}")
        body = f"""
        def step():
            made = Model(name={name!r}, metadata={metadata})
            with open(made.path, "w") as out:
                out.write({content!r})
            return made
        """
        job = Job(tmp_path / f"{pod}-{len(list(tmp_path.iterdir()))}", body, [], [("output", "return", MODEL)], "one")
        job.run()
        text = job.text("p", "tp-output")
        assert re.match('{"id":"[0-9a-f]{64}","type"', text) if pod else "id" not in json.loads(text)
        companion: dict[str, Any] = job.companion("output")
        return companion

    same = [made("pod-1", "{'n': 2**53}")["id"], made("pod-2", "{'n': 2**53}")["id"]]
    others = [made("p", "{'n': 2**53 + 1}"), made("p", "{'n': 2**53}", "y"), made("p", "{'n': 2**53}", name="z")]
    assert len(set(same)) == 1
    assert len({*same, *(other["id"] for other in others)}) == 4
    made("", "{}")


def test_by_reference_twice_an_input_and_a_path_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "own").write_text("mine")
    job = Job(
        tmp_path,
        f"""
        def step(data):
            made = Dataset()
            Path(made.path).write_text("x")
            own = Dataset()
            own.set_path({str(tmp_path / "own")!r})
            return (made, made, data, Dataset("s3://far/away", metadata={{"k": 1}}), own)
        """,
        [("data", "artifact", DATASET, None)],
        [(name, "field", DATASET) for name in ("one", "two", "same", "far", "own")],
        "fields",
    )
    job.give("data", "rows")
    job.run()
    assert [job.text("a", name) for name in ("one", "two", "same", "own")] == ["x", "x", "rows", "mine"]
    assert (job.root / "in/data").read_text() == "rows"
    far = job.companion("far")
    assert (far["uri"], far["digest"], far["metadata"]) == ("s3://far/away", "", {"k": 1})


def test_lists_and_optional_artifacts(tmp_path: Path) -> None:
    job = Job(
        tmp_path,
        """
        def step(xs, ys, no, nothing):
            assert no is None and nothing is None
            return [Path(x).read_text() for x in xs] + [y and Path(y).read_text() for y in ys]
        """,
        [
            ("xs", "artifact", ["list", DATASET], None),
            ("ys", "artifact", ["list", ["union", [DATASET, "null"]]], None),
            ("no", "artifact", ["union", [DATASET, "null"]], None),
            ("nothing", "path", ["union", [DATASET, "null"]], None),
        ],
        [("output", "return", ["list", ["union", ["str", "null"]]])],
        "one",
    )
    for place in ("xs/pod-b", "xs/pod-a", "ys/0"):
        job.give(place, place)
    job.give("no", None)
    boxed = json.dumps({"$tp": ["boxed", [json.dumps(json.dumps({"key": key})) for key in ("pod-b", "pod-a")]]})
    job.run(tp_xs=boxed, tp_ys='{"$tp":["keyed",[{"key":"z"},null]]}', tp_nothing="null", tp_no='{"key":"q"}')
    assert json.loads(job.text("p", "output")) == ["xs/pod-b", "xs/pod-a", "ys/0", None]


def test_folders_links_and_empty_folders(tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("far")
    make = Job(
        tmp_path,
        f"""
        def step(full, empty):
            import os
            os.makedirs(full.path + "/sub/void")
            Path(full.path + "/a").write_text("1")
            os.symlink("a", full.path + "/link")
            os.symlink({str(tmp_path / "outside")!r}, full.path + "/far")
            os.symlink("sub", full.path + "/dir")
            os.makedirs(empty.path + "/inner")
        """,
        [],
        [("full", "artifact", DATASET), ("empty", "artifact", DATASET)],
    ).run()
    place = make.root / "out/a/full"
    assert not any(path.is_symlink() for path in place.rglob("*"))
    assert ((place / "link").read_text(), (place / "far").read_text()) == ("1", "far")
    assert make.companion("full")["dirs"] == ["dir/void", "sub/void"]
    read = Job(
        tmp_path / "read",
        """
        def step(full, empty):
            import os
            return sorted(os.listdir(full)) + os.listdir(os.path.join(full, "sub")) + os.listdir(empty)
        """,
        [("full", "artifact", DATASET, None), ("empty", "artifact", ["union", [DATASET, "null"]], None)],
        [("output", "return", ["list", "str"])],
        "one",
    )
    (read.root / "in").mkdir(parents=True)
    for name in ("full", "empty"):  # as an object store brings them: files only
        for path in (make.root / "out/a" / name).rglob("*"):
            target = read.root / "in" / name / path.relative_to(make.root / "out/a" / name)
            if path.is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(path.read_bytes())
    read.run(tp_full=make.text("p", "tp-full"), tp_empty=make.text("p", task.descriptor_key("empty")))
    assert json.loads(read.text("p", "output")) == ["a", "dir", "far", "link", "sub", "void", "inner"]


EMPTY = """
def step(bare, hollow, full):
    import os
    os.makedirs(bare.path)
    os.makedirs(hollow.path + "/inner/deep")
    os.makedirs(full.path + "/inner")
    Path(full.path + "/rows").write_text("1")
"""
NAMES = """
def step(data):
    import os
    if data is None:
        return ["None"]
    return sorted(os.path.relpath(os.path.join(a, n), data.path) for a, b, c in os.walk(data.path) for n in b + c)
"""
BARE = {"type": "system.Dataset", "version": "1", "name": "d", "metadata": {}, "uri": "run/d", "size": 0, "key": "pod"}


def makes_empty(root: Path) -> Job:
    return Job(root, EMPTY, [], [(name, "artifact", DATASET) for name in ("bare", "hollow", "full")]).run()


def reads(root: Path, type_: Any = DATASET) -> Job:
    return Job(root, NAMES, [("data", "artifact", type_, None)], [("output", "return", ["list", "str"])], "one")


def test_empty_directories_are_in_the_descriptor_alone(tmp_path: Path) -> None:
    make = makes_empty(tmp_path)
    assert [path.name for path in make.root.joinpath("out/a").rglob("*") if path.is_file()] == ["rows"]
    assert [make.companion(name).get("dirs") for name in ("bare", "hollow", "full")] == [
        None,
        ["inner/deep"],
        ["inner"],
    ]
    assert [make.companion(name).get("empty") for name in ("bare", "hollow", "full")] == [None] * 3
    for name, found in (("bare", []), ("hollow", ["inner", "inner/deep"])):
        for mounted in (False, True):  # Kubernetes makes an empty directory where nothing was loaded
            read = reads(tmp_path / f"{name}-{mounted}")
            if mounted:
                read.give("data", None)
            read.run(tp_data=make.text("p", f"tp-{name}"))
            assert json.loads(read.text("p", "output")) == found


def test_a_container_gets_a_stand_in_for_an_empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TYPEDPIPE_EMPTY", "run/tp-empty/{output}/pod")
    make = makes_empty(tmp_path)
    places = [make.companion(name).get("empty") for name in ("bare", "hollow", "full")]
    assert places == ["run/tp-empty/bare/pod", "run/tp-empty/hollow/pod", None]
    assert sorted(path.name for path in make.root.joinpath("out/p").glob("*.empty")) == [
        "tp-bare.empty",
        "tp-hollow.empty",
    ]
    assert make.text("p", "tp-bare.empty") == "This file stands for an empty directory.\n"
    assert not list(make.root.joinpath("out/a/bare").iterdir())


def test_an_artifact_elsewhere_leaves_an_empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TYPEDPIPE_EMPTY", "run/tp-empty/{output}/pod")
    make = Job(tmp_path, "def step(): return Dataset('bq://rows')", [], [("out", "return", DATASET)], "one").run()
    assert (make.companion("out")["uri"], make.companion("out").get("empty")) == ("bq://rows", None)
    assert not list(make.root.joinpath("out/a/out").iterdir())


@pytest.mark.parametrize("type_", [DATASET, ["union", [DATASET, "null"]]])
@pytest.mark.parametrize("digest", ["sha256:aa", "-"])
def test_content_that_is_gone_is_no_empty_directory(tmp_path: Path, type_: Any, digest: str) -> None:
    read = reads(tmp_path, type_)
    read.give("data", None)
    read.fail(2, tp_data=json.dumps({**BARE, "digest": digest}))
    assert (tmp_path / "log").read_text() == (
        "error[TP501]: component `step`, input `data`: expected a `Dataset`, found no file at `run/d`"
    )


def test_what_a_container_made_may_be_an_empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The compiler names such inputs: their descriptors have no digest."""
    monkeypatch.setenv("TYPEDPIPE_UNDESCRIBED", "other data")
    read = reads(tmp_path)
    read.run(tp_data=json.dumps({**BARE, "digest": "-"}))
    assert json.loads(read.text("p", "output")) == []
    read.fail(2, tp_data=json.dumps({**BARE, "digest": "sha256:aa"}))


def test_a_marker_of_an_earlier_version_is_removed(tmp_path: Path) -> None:
    for name, content in (("bare", []), ("grown", ["rows"])):
        read = reads(tmp_path / name)
        read.give("data", None)
        for file in (task.MARKER, *content):
            (read.root / "in/data" / file).write_text("")
        read.run(tp_data=json.dumps({**BARE, "digest": "-"}))
        assert json.loads(read.text("p", "output")) == content


@pytest.mark.parametrize(
    ("link", "reason"), [("nowhere", "is broken"), (".", "points to a directory that contains it")]
)
def test_links_that_lead_nowhere_or_back_are_refused(tmp_path: Path, link: str, reason: str, capfd: Any) -> None:
    job = Job(
        tmp_path,
        f"def step(d):\n    import os\n    os.makedirs(d.path)\n    os.symlink({link!r}, d.path + '/l')\n",
        [],
        [("d", "artifact", DATASET)],
    )
    job.fail(2)
    error = capfd.readouterr().err
    assert (
        "error[TP506]: component `step`, output `d`: cannot read the output: the link out/a/d/l " in error
        and reason in error
    )


CONTRACT = [
    ("def step(a): pass", [("a", "value", "int", None)], [], {}, "TP501", "input `a`: expected `int`, found nothing"),
    ("def step(a): pass", [("a", "artifact", DATASET, None)], [], {}, "TP501", "input `a`: expected a `Dataset`, found no file"),
    ("def step(a): pass", [("a", "value", ["list", "int"], None)], [], {"a": '[1,"x"]'}, "TP502", "input `a[1]`: expected `int`, found `str` 'x'"),
    ("def step(): return 'x'", [], [("output", "return", "float")], {}, "TP503", "output `output`: expected `float`, found `str` 'x'"),
    ("def step(): return Dataset()", [], [("output", "return", MODEL)], {}, "TP503", "expected `Model`, found `Dataset`"),
    ("def step(): return Model()", [], [("output", "return", MODEL)], {}, "TP504", "output `output`: expected a `Model` at its path, found no file"),
    ("def step(o): pass", [], [("o", "path", MODEL)], {}, "TP504", "output `o`: expected a `Model` at its path, found no file"),
    ("def step(): return 'x' * 40000", [], [("output", "return", "str")], {}, "TP505", "expected at most 32768 bytes, found 40002"),
    ("def step(): return f'", [], [], {}, "TP507", "source: Python 3."),
]  # fmt: skip


@pytest.mark.parametrize(("source", "inputs", "outputs", "parameters", "code", "message"), CONTRACT)
def test_a_broken_contract_is_exit_code_2_and_one_line(
    tmp_path: Path, capfd: Any, source: str, inputs: Any, outputs: Any, parameters: Any, code: str, message: str
) -> None:
    Job(tmp_path, source, inputs, outputs, "one" if "return" in source else "none").fail(2, **parameters)
    error = capfd.readouterr().err
    assert error.startswith(f"error[{code}]: component `step`, ") and message in error and error.count("\n") == 1
    assert (tmp_path / "log").read_text() == error.rstrip("\n")


def test_a_users_exception_is_exit_code_1_and_a_traceback_from_their_line(tmp_path: Path, capfd: Any) -> None:
    job = Job(tmp_path, "def step():\n    helper = lambda: 1 // 0\n    return helper()\n")
    job.fail(1)
    error = capfd.readouterr().err
    assert error.startswith(
        'Traceback (most recent call last):\n  File "user.py", line 13, in step\n    return helper()'
    )
    assert 'File "user.py", line 12, in <lambda>\n    helper = lambda: 1 // 0' in error and "task.py" not in error
    assert (tmp_path / "log").read_text() == ("ZeroDivisionError: integer division or modulo by zero (user.py:12)")


@pytest.mark.parametrize(("argument", "code"), [("", 0), ("0", 0), ("3", 1), ("'why'", 1)])
def test_sys_exit_in_a_component(tmp_path: Path, argument: str, code: int) -> None:
    job = Job(tmp_path, f"def step():\n    import sys\n    sys.exit({argument})\n")
    if code:
        job.fail(code)
        assert "SystemExit" in (tmp_path / "log").read_text()
    else:
        job.run()


def test_classes_are_of_a_registered_module_and_functional_ones_are_made_again(tmp_path: Path) -> None:
    color = ["enum", "Color", [["RED", '"r"']]]
    pair = ["struct", "Pair", "namedtuple", [["c", color, True]]]
    job = Job(
        tmp_path,
        """
        def step(cfg, pair):
            import pickle
            assert pickle.loads(pickle.dumps(cfg)) == cfg and pickle.loads(pickle.dumps(pair)) == pair
            assert isinstance(pair, Pair) and pair.c is Color.RED and cfg.__module__ != "__main__"
            return Config(cfg.rate * 2, [*cfg.layers, 3])
        """,
        [("cfg", "value", CONFIG, None), ("pair", "value", pair, None)],
        [("output", "return", CONFIG)],
        "one",
    )
    inner = "    @dataclass\n    class Config:\n        rate: float\n        layers: list[int]\n"
    job.spec["chunks"][:0] = [["user.py", 1, "from dataclasses import dataclass\n"], ["user.py", 5, inner]]
    job.run(cfg='{"rate":1,"layers":[1]}', pair='{"c":"r"}')
    assert job.text("p", "output") == '{"rate":2.0,"layers":[1,3]}'


def test_the_final_status_and_parameters_in_files(tmp_path: Path) -> None:
    job = Job(
        tmp_path,
        """
        def step(status, text, out, flag):
            assert (status.state, status.error_message, status.error_code) == ("FAILED", "no", 7)
            Path(out).write_text(Path(text).read_text())
            Path(flag).write_text("True\\n")
        """,
        [("status", "status", "status", None), ("text", "path", "str", None)],
        [("out", "path", "str"), ("flag", "path", "bool")],
    ).run(status='{"state":"Failed","error_message":"no","error_code":7,"more":1}', text='"a\\nb"')
    assert (job.text("p", "out"), job.text("p", "flag")) == ('"a\\nb"', "true")


@pytest.mark.parametrize(
    ("state", "errors", "message"),
    [
        ("FAILED", '[["a","no rows"],["b",null],["c",""],["d","d: \\u0024{\\u007bx}}"]]', "a: no rows\nd: d: ${{x}}"),
        ("FAILED", '[["a",null]]', "block failed"),
        ("FAILED", "[]", "block failed"),
        ("SUCCEEDED", '[["a","of a try, or ignored"]]', "block failed"),
    ],
)
def test_the_final_status_has_the_messages_of_the_tasks(tmp_path: Path, state: str, errors: str, message: str) -> None:
    step = "def step(status: object) -> str:\n    return status.error_message\n"
    job = Job(tmp_path, step, [("status", "status", "status", None)], [("output", "return", "str")], "one")
    job.run(status=f'{{"state":"{state}","error_message":"block failed","errors":{errors}}}')
    assert json.loads(job.text("p", "output")) == message


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ("raise ValueError('no $(HOME) {{x}}\\nrows')", 1, "ValueError: no $(HOME) {{x}} ... (user.py:12)"),
        ("raise SystemExit(3)", 1, "SystemExit: the code called sys.exit(3) (user.py:12)"),
        ("return 'x' + '\\ud800' * n", 1, "TypeError: "),
        ("return 'one'", 2, "error[TP503]: component `step`, output `output`: expected `int`, found `str` 'one'"),
        ("raise ValueError('x' * 10000)", 1, "ValueError: xxx"),
    ],
)
def test_a_task_that_fails_tells_the_exit_handler(tmp_path: Path, body: str, code: int, message: str) -> None:
    source = f"def step(n: str) -> int:\n    {body}\n"
    job = Job(tmp_path, source, [("n", "value", "str", None)], [("output", "return", "int")], "one")
    job.fail(code, n='"n"')
    assert not (job.root / "out" / "p" / "tp-error").exists()
    job.fail(code, n='"n"', tp_exit="block_step")
    text = job.text("p", "tp-error")
    assert json.loads(text).startswith(message)
    assert len(json.loads(text)) <= 3500
    assert not any(mark in text for mark in ("{{", "$"))
    job.fail(2, n="1", tp_exit="block_step")
    assert json.loads(job.text("p", "tp-error")).startswith("error[TP502]: component `step`, input `n`: ")


PYTHONS = [sys.executable, *sorted(glob.glob(os.path.expanduser("~/.pyenv/versions/3.8.*/bin/python")))]


@pytest.mark.parametrize("python", PYTHONS, ids=["this", "3.8"][: len(PYTHONS)])
def test_the_file_runs_alone_also_on_old_pythons(tmp_path: Path, python: str) -> None:
    job = Job(
        tmp_path,
        """
        def helper(x):
            return x + 1
        def step(n: int | None, d: Output[Dataset]):
            import multiprocessing, typedpipe
            from typedpipe.dsl import Model, Input
            Path(d).write_text("x")
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                return (sum(pool.map(helper, [n, 1])), issubclass(typedpipe.Model, dsl.Artifact))
        """,
        [("n", "value", ["union", ["int", "null"]], None)],
        [("d", "artifact", DATASET), ("n", "field", "int"), ("b", "field", "bool")],
        "fields",
    )
    file = tmp_path / "job.json"
    job_data = {"spec": job.spec, "parameters": job.wire({"n": "4"}), "root": str(job.root)}
    file.write_text(json.dumps(job_data))
    done = subprocess.run([python, "-I", "-W", "error", PATH, str(file)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert (job.text("p", "n"), job.text("p", "b"), job.text("a", "d")) == ("7", "true", "x")


def test_packages_are_installed_only_when_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []

    def install(command: list[str]) -> int:
        commands.append(command)
        return len(commands) - 1

    monkeypatch.setattr(subprocess, "call", install)
    job = Job(tmp_path, "def step(): pass")
    job.spec.update(packages=["a==1", "b"], index_urls=["one", "two"], trusted_hosts=["h"])
    job.run()
    assert not commands
    monkeypatch.setenv("TYPEDPIPE_INSTALL", "1")
    monkeypatch.setenv("PYTHONPATH", "")
    job.run()
    rest = ["--index-url=one", "--extra-index-url=two", "--trusted-host=h", "--", "a==1", "b"]
    assert commands[0][:4] == [sys.executable, "-m", "pip", "install"] and commands[0][-6:] == rest
    job.fail(1)
    assert "TP508" in (tmp_path / "log").read_text()


def test_an_artifact_at_a_place_of_its_own_keeps_its_suffix_while_it_is_written(tmp_path: Path) -> None:
    source = """
        import typedpipe
        def step():
            first, second = Model(uri=get_uri("deep/net.pt")), typedpipe.dsl.Model(typedpipe.dsl.get_uri())
            assert first.path.endswith("/deep/net.pt")
            Path(first.path).write_text("1")
            Path(second.path).write_text("2")
            return first, second
    """
    job = Job(tmp_path, source, outputs=[("a", "return", MODEL), ("b", "return", MODEL)], returns="fields").run()
    assert (job.root / "out/a/a").read_text() == "1"
    assert (job.root / "out/a/b").read_text() == "2"


def test_text_returned_as_an_artifact_says_where_to_write_it(tmp_path: Path) -> None:
    job = Job(tmp_path, "def step(): return 'rows'", outputs=[("output", "return", DATASET)], returns="one")
    job.fail(2)
    assert "; write it to the path of a `Dataset()`, and return that" in (tmp_path / "log").read_text()


class Quiet(Exception):
    def __str__(self) -> str:
        raise RuntimeError


def noted(error: Exception) -> Exception:
    error.add_note("a note")
    return error


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("one line"), "ValueError: one line"),
        (ValueError("first\nsecond\n  third"), "ValueError: first ..."),
        (ValueError("\n\nafter empty lines"), "ValueError: after empty lines"),
        (ValueError(), "ValueError"),
        (ValueError("  \n "), "ValueError"),
        (KeyError("k"), "KeyError: 'k'"),
        (noted(ValueError("its message")), "ValueError: its message"),
        (SyntaxError("invalid syntax", ("f.py", 1, 1, "x y")), "SyntaxError: invalid syntax"),
        (json.JSONDecodeError("Expecting value", "x", 0), "json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)"),
        (ExceptionGroup("several", [ValueError("a\nb")]), "ExceptionGroup: several (1 sub-exception)"),
        (Quiet(), f"{__name__}.Quiet: <exception str() failed>"),
        (SystemExit("a\nb"), "SystemExit: the code called sys.exit('a\\nb')"),
    ],
)  # fmt: skip
def test_an_exception_in_one_line(error: BaseException, line: str) -> None:
    assert task.one_line(error) == line


def test_the_message_leads_with_the_type_and_the_first_line(tmp_path: Path) -> None:
    job = Job(
        tmp_path,
        """
        class Bad(Exception): pass
        def step():
            raise Bad("3 rows are wrong\\n  row 1\\n  row 2")
        """,
    )
    job.fail(1)
    assert (tmp_path / "log").read_text() == "Bad: 3 rows are wrong ... (user.py:13)"
