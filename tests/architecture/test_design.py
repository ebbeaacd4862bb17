"""Rules of ``tools/design.py``, each on a small made-up tree with a known figure, and the exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools import design, design_rules
from tools.source_tree import Tree, Unmeasured, imports


def tree(root: Path, files: dict[str, str]) -> Tree:
    for name, text in {"typedpipe/__init__.py": "", **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return Tree(root)


@pytest.fixture
def made_up(tmp_path):
    return lambda files: tree(tmp_path, files)


PLAIN = 'x = ("display_name", "timeout_seconds", "retry")\n'
VALUE = "def f(cpu_limit, memory_limit, accelerator_type): ...\n"


def test_an_option_is_counted_where_each_exemplar_is_named_in_code(made_up):
    found = design_rules.plain_option(
        made_up(
            {
                "typedpipe/a.py": PLAIN,
                "typedpipe/b.py": "def f(o): return o.display_name, g(timeout_seconds=1), retry\n",
                "typedpipe/c.py": '"""display_name timeout_seconds retry"""\n# display_name timeout_seconds\nretry = 1\n',
                "typedpipe/d.py": "from typedpipe.b import retry as again, display_name\n",
                "typedpipe/ir/_pb/p.py": PLAIN,
                "proto/p.proto": "message O { // display_name\n int32 retry = 1; string display_name = 2; int32 timeout_seconds = 3; }",
                "proto/q.proto": "// display_name, timeout_seconds, retry\n",
            }
        )
    )
    assert found.parts == ["proto/p.proto", "typedpipe/a.py", "typedpipe/b.py"]
    assert found.value == 3


def test_an_exemplar_that_nothing_names_is_no_progress(made_up):
    with pytest.raises(Unmeasured, match="nothing names `display_name` any more: choose another exemplar"):
        design_rules.plain_option(made_up({"typedpipe/a.py": "retry = timeout_seconds = 1\n"}))


def test_an_option_with_a_value_goes_where_each_of_them_goes(made_up):
    found = design_rules.value_option(
        made_up({"typedpipe/a.py": PLAIN, "typedpipe/b.py": VALUE, "typedpipe/c.py": "cpu_limit = 1\n"})
    )
    assert found.parts == ["typedpipe/a.py", "typedpipe/b.py"]


def test_a_proto_that_takes_options_by_name_is_not_touched_by_a_new_one(made_up):
    fields = "Retry retry = 1; optional double timeout_seconds = 2; string display_name = 3;"
    value = "message Argument { string name = 1; Operand value = 2; }"
    text = "message Other { string name = 1; string json = 2; }"
    protos = {
        "proto/fields.proto": f"message Options {{ {fields} }} message Used {{ repeated Other others = 1; }} {text}",
        "proto/values.proto": f"message Options {{ {fields} repeated Argument resources = 4; }} {value}",
        "proto/texts.proto": f"message Options {{ {fields} repeated Other others = 4; }} {text}",
    }
    found = made_up({"typedpipe/a.py": PLAIN + VALUE, **protos})
    assert design_rules.plain_option(found).parts == ["proto/fields.proto", "proto/values.proto", "typedpipe/a.py"]
    assert design_rules.value_option(found).parts == ["proto/fields.proto", "proto/texts.proto", "typedpipe/a.py"]


def test_a_kubernetes_setting_before_there_are_extensions(made_up):
    found = design_rules.kubernetes_setting(
        made_up(
            {
                "typedpipe/ir/a.py": PLAIN + VALUE,
                "typedpipe/dsl/b.py": "env = 1\n",
                "typedpipe/local/c.py": "env = 1\n",
            }
        )
    )
    assert (found.value, found.note) == (2, "a stand-in: there are no extensions")


def test_a_kubernetes_setting_is_its_owner_and_who_asks_for_one_key(made_up):
    found = design_rules.kubernetes_setting(
        made_up(
            {
                "typedpipe/ir/nodes.py": "class Task:\n    extensions: dict\n",
                "typedpipe/ir/text.py": "def f(task): return [task.extensions[key] for key in sorted(task.extensions)]\n",
                "typedpipe/compiler/a.py": 'def f(task): return task.extensions["kubernetes"]\n',
                "typedpipe/compiler/b.py": 'def f(task): return task.extensions.get("kubernetes", {})\n',
                "typedpipe/dsl/c.py": 'def f(extensions): return "kubernetes" in extensions\n',
                "typedpipe/local/d.py": 'def f(task): return task.extensions["local"]\n',
            }
        )
    )
    assert found.parts == [
        "the file that owns the setting",
        "typedpipe/compiler/a.py",
        "typedpipe/compiler/b.py",
        "typedpipe/dsl/c.py",
    ]


def test_an_artifact_class_and_a_command(made_up):
    names = "".join(f"class {name}: ...\n" for name in design_rules.ARTIFACTS)
    found = made_up(
        {
            "typedpipe/artifacts.py": names,
            "typedpipe/x.py": "Markdown = HTML = 1\n",
            "typedpipe/cli/app.py": 'COMMANDS = {"lint": 1, "explain-cache": 2}\n',
            "typedpipe/cli/lint.py": 'NAME = "lint"\n',
            "typedpipe/cli/other.py": 'text = "typedpipe lint FILE"\n',
        }
    )
    assert design_rules.artifact_class(found).parts == ["typedpipe/artifacts.py"]
    assert design_rules.command(found).parts == ["typedpipe/cli/app.py", "typedpipe/cli/lint.py"]


def test_a_node_is_not_the_class_of_the_same_name_in_dsl(made_up):
    found = design_rules.control_flow_node(
        made_up(
            {
                "typedpipe/ir/nodes.py": "class ExitHandler: ...\n",
                "typedpipe/dsl/groups.py": "class ExitHandler: ...\n",
                "typedpipe/dsl/__init__.py": "from typedpipe.dsl.groups import ExitHandler\n",
                "typedpipe/dsl/build.py": "from typedpipe.ir import nodes as ir\nx = ir.ExitHandler\n",
                "typedpipe/a.py": "from typedpipe.ir.nodes import ExitHandler\n",
                "typedpipe/b.py": "import typedpipe.ir.nodes\nx = typedpipe.ir.nodes.ExitHandler\n",
                "typedpipe/c.py": "from typedpipe import dsl, ir\nx = dsl.ExitHandler\n",
                "proto/p.proto": "message ExitHandler {}",
            }
        )
    )
    assert found.parts == [
        "typedpipe/a.py",
        "typedpipe/b.py",
        "typedpipe/dsl/build.py",
        "typedpipe/ir/nodes.py",
        "proto/p.proto",
    ]


def test_a_backend_is_counted_by_who_imports_it(made_up):
    found = design_rules.backend(
        made_up(
            {
                "typedpipe/compiler/__init__.py": "",
                "typedpipe/compiler/argo/__init__.py": "from typedpipe.compiler.argo import leaf\n",
                "typedpipe/compiler/argo/leaf.py": "",
                "typedpipe/compiler/registry.py": 'BUILTIN = {"argo": "typedpipe.compiler.argo:backend"}\n',
                "typedpipe/compiler/driver.py": "def f():\n    from ..compiler.argo import leaf\n",
            }
        )
    )
    assert found.parts == ["typedpipe/compiler/driver.py"]


def test_modules_are_entered_when_all_is_warm(made_up):
    found = design_rules.entered(
        made_up(
            {
                "typedpipe/dsl.py": "from typedpipe import late\ndef component(f): return lambda **_: Task()\n"
                "def pipeline(f): return f\nclass Task:\n    output = 1\n",
                "typedpipe/late.py": "def never_called(): ...\nVALUE = (lambda: 1)()\n",
                "typedpipe/compiler.py": "from typedpipe import step\nclass Compiler:\n"
                "    def compile(self, pipeline, file): step.write(file)\n",
                "typedpipe/step.py": "def write(file): open(file, 'w').close()\n",
            }
        )
    )
    assert found.parts == ["typedpipe.compiler", "typedpipe.dsl", "typedpipe.step"]


def test_a_pipeline_that_fails_gives_no_figure(made_up):
    with pytest.raises(Unmeasured, match="failed:") as error:
        design_rules.entered(made_up({"typedpipe/dsl.py": ""}))
    assert "the pipeline of two calls failed:\nTraceback" in str(error.value)
    assert "No module named 'typedpipe.compiler'" in str(error.value)


def test_the_largest_folder_is_without_its_subfolders_and_the_largest_package_with_them(made_up):
    found = made_up(
        {
            "typedpipe/__init__.py": "#\n" * 10,
            "typedpipe/a/one.py": "#\n" * 30,
            "typedpipe/b/one.py": "#\n" * 25,
            "typedpipe/b/c/two.py": "#\n" * 25,
            "typedpipe/b/c/three.py": "#\n" * 10,
            "typedpipe/ir/_pb/four.py": "#\n" * 500,
        }
    )
    folder, package = design_rules.largest_folder(found), design_rules.largest_package(found)
    assert (folder.value, folder.note) == (35.0, "typedpipe/b/c: 2 files, 35 lines, 35.0%")
    assert (package.value, package.note) == (60.0, "typedpipe/b: 3 files, 60 lines, 60.0%")


def test_circles_are_counted_with_deferred_and_type_checking_imports(made_up):
    found = made_up(
        {
            "typedpipe/__init__.py": "__version__ = '1'\nfrom typedpipe import a\n",
            "typedpipe/a.py": "def f():\n    from typedpipe.b import x\n",
            "typedpipe/b.py": "from typedpipe import c\n",
            "typedpipe/c.py": "if TYPE_CHECKING:\n    import typedpipe.a\n",
            "typedpipe/p/__init__.py": "",
            "typedpipe/p/d.py": "from .e import x\n",
            "typedpipe/p/e.py": "from . import d\nfrom typedpipe import __version__\n",
            "typedpipe/f.py": "from typedpipe.a import f\n",
        }
    )
    assert imports(found)["typedpipe.p.e"] == {"typedpipe.p.d"}
    assert design_rules.circles(found).parts == [
        "2 modules: typedpipe.p.d, typedpipe.p.e",
        "3 modules: typedpipe.a, typedpipe.b, typedpipe.c",
    ]


def test_functions_that_read_a_path_are_not_those_that_read_a_file_system(made_up):
    found = design_rules.path_readers(
        made_up(
            {
                "typedpipe/runs/paths.py": "def parse(p): return p.split('/')\ndef stem(p): return p.partition('[')\n",
                "typedpipe/local/a.py": (
                    "import os, re\n_ITEM = re.compile(r'\\[(\\d+)\\]')\n"
                    "def last(p): return p.rpartition('/')[2]\n"
                    "def item(p): return _ITEM.sub('', p)\n"
                    "def own(p): return re.findall(r'\\[[0-9]+\\]', p)\n"
                    "def outer(p):\n    def inner(): return p.find('[')\n    return inner\n"
                    "def folder(root, p): return os.path.join(root, *p.split('/'))\n"
                    "def words(p): return p.split(',')\n"
                    "def made(p): return p + '/'\n"
                ),
                "typedpipe/types/b.py": "def f(p): return p.split('/')\n",
            }
        )
    )
    assert found.parts == [
        "typedpipe/local/a.py:3 last",
        "typedpipe/local/a.py:4 item",
        "typedpipe/local/a.py:5 own",
        "typedpipe/local/a.py:7 inner",
        "typedpipe/runs/paths.py:1 parse",
    ]


def test_docstrings_are_those_of_modules_classes_functions_and_names(made_up):
    found = design_rules.docstrings(
        made_up(
            {
                "typedpipe/a.py": '"""What a module is."""\nX = 1\n"""How many."""\n'
                'def f():\n    """Whatever."""\n    """Which is no docstring."""\n'
                'class C:\n    """``Which`` one."""\n    y: int = 1\n    """The rest. What is it?"""\n    def g(self): ...\n'
            }
        )
    )
    assert found.note == "3 of 5"
    assert found.value == 60.0
    assert found.parts[0] == "typedpipe/a.py:1: What a module is."


def test_check_fails_on_a_worse_tree_and_says_which_ceiling_can_be_lowered(tmp_path, monkeypatch, capsys):
    tree(tmp_path, {"typedpipe/a.py": "from typedpipe import b\n", "typedpipe/b.py": "from typedpipe import a\n"})
    row = design.ROWS["circles"]
    for ceiling, code, words in (
        (0, 1, "circles is 1, at most 0 is accepted: see python tools/design.py --explain circles\n"),
        (1, 0, "design: 1 figures, none above its ceiling\n"),
        (2, 0, "circles is 1: its ceiling in tools/design.py, 2, can be lowered\n"),
    ):
        monkeypatch.setattr(design, "ROWS", {"circles": design.Row(row.title, row.measure, ceiling, row.wanted)})
        assert design.main(["--root", str(tmp_path), "--check"]) == code
        assert capsys.readouterr().out == words


def test_a_share_is_within_a_whole_ceiling(monkeypatch):
    figure = {"docstrings": design_rules.Figure(14.2, ())}
    row = design.ROWS["docstrings"]
    monkeypatch.setattr(design, "ROWS", {"docstrings": design.Row(row.title, row.measure, 15, 1, " %")})
    assert design.verdicts(figure) == ([], [])
    monkeypatch.setattr(design, "ROWS", {"docstrings": design.Row(row.title, row.measure, 14, 1, " %")})
    assert design.verdicts(figure)[0] == [
        "docstrings is 14.2 %, at most 14 % is accepted: see python tools/design.py --explain docstrings"
    ]


def test_what_cannot_be_measured_is_one_sentence(tmp_path, capsys):
    assert design.main(["--root", str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"design: {tmp_path} has no package typedpipe\n"


def test_this_checkout_as_a_table_as_json_and_explained(capsys, monkeypatch):
    monkeypatch.setattr(design, "ROWS", {key: design.ROWS[key] for key in ("command", "backend", "docstrings")})
    assert design.main(["--explain", "command"]) == 0
    explained = capsys.readouterr().out
    assert explained.startswith("… a command: 2\nThe most files that name one of the commands")
    assert "  typedpipe/cli/app.py\n" in explained
    assert design.main(["--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert list(figures) == list(design.ROWS)
    now = {key: design_rules.Figure(value, ()) for key, value in figures.items()}
    assert f"| … a backend | {figures['backend']} | 0 |" in design.table(now)
    assert f"| … a backend | 7 | {figures['backend']} | 0 |" in design.table(
        now, {**now, "backend": design_rules.Figure(7, ())}
    )
