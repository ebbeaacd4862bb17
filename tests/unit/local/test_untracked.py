"""What no cache key can see is found in the source, and said where a hit is reported."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
from local_samples import component, graph, out, pipeline, task

from typedpipe.diagnostics.record import replace
from typedpipe.local.caching.reads import Gap, gaps_in
from typedpipe.local.caching.untracked import ALWAYS, hit_note, untracked
from typedpipe.local.run import run
from typedpipe.runs import events
from typedpipe.types.model import STR, Type


def source(text: str, inputs: dict[str, Type] | None = None, **more: Any) -> Any:
    found = component("f", text, inputs)
    return replace(found, impl=replace(found.impl, **more)) if more else found


def test_what_no_key_tracks(tmp_path: Path) -> None:
    file = tmp_path / "data.csv"
    file.touch()
    text = """
    def f(path):
        import json, no_such_module_here, click
        import os.path
        open('settings.ini').read()
        os.environ['TOKEN'], os.getenv('HOME'), os.environ.get('SEED')
    """
    found = untracked(source(text, {"path": STR}), {"path": f'"{file}"'}, ["SEED"])
    assert found == [
        ALWAYS,
        "the version of `click`, which is imported but not listed in `packages_to_install`",
        "the imported module `no_such_module_here`, which is your own file or is not installed",
        "the environment variable `TOKEN`, which the component reads but the task does not set",
        "the environment variable `HOME`, which the component reads but the task does not set",
        "the file `settings.ini`, which the task reads by path",
        f"the content of {file}, the path in the parameter `path`",
    ]
    assert untracked(source("def f():\n    import click\n", packages=("click>=8",)), {}) == [ALWAYS]
    local = source("def f():\n    import mine\n")
    assert untracked(local, {}, (), {"contents": {"mine": "1"}}) == [ALWAYS]


FILE = ["the file `data.txt`"]
NOTES: dict[str, list[str]] = {
    # the case `engine/20-untracked-reads`
    "p = 'data.txt'\nopen(p).read()": FILE,
    "from pathlib import Path\nPath('data.txt').read_text()": FILE,
    "import os\nos.popen('cat data.txt').read()": ["the program `cat`"],
    "import subprocess\nsubprocess.check_output(['cat', 'data.txt'], text=True)": ["the program `cat`"],
    "import os\nwith open(os.path.join('data', 'data.txt')) as f: f.read()": ["the file `data/data.txt`"],
    "import os\nos.environ['HOME'] + os.getenv('USER', '')": [
        "the environment variable `HOME`", "the environment variable `USER`"
    ],
    "import random\nrandom.random()": [],
    # and what is like it
    "open('data.txt', 'rb')": FILE,
    "open('data.txt', mode='r+')": FILE,
    "import json\njson.load(open('data.txt'))": FILE,
    "import pandas as pd\npd.read_csv('data.txt')": FILE,
    "import numpy as np\nnp.load('data.txt')": FILE,
    "from pathlib import Path\np = Path('data') / 'x'\nwith p.open() as f: pass": ["the file `data/x`"],
    "base: str = 'data.'\nopen(base + 'txt')": FILE,
    "def load(p):\n    return open(p).read()\ndef f():\n    return load('data.txt')": FILE,
    "import sqlite3\nsqlite3.connect('data.txt')": FILE,
    "for n in range(3):\n    open(f'part-{n}')": ["the file that `open(f'part-{n}')` reads"],
    "name = input()\nopen(name)": ["the file that `open(name)` reads"],
    "import pandas as pd\npd.read_csv(f'{name}.csv')": ["the file that `pd.read_csv(f'{name}.csv')` reads"],
    "import subprocess as sp\nsp.run('make all', shell=True)": ["the program `make`"],
    "from subprocess import run\nrun(['make'])": ["the program `make`"],
    "import subprocess\nsubprocess.run(command)": ["the program `…`"],
    "import importlib\nimportlib.import_module(name)": ["the module that `importlib.import_module(name)` imports"],
    # by keyword, and under another name
    "open(encoding='utf-8', file='data.txt')": FILE,
    "open(mode='w', file='data.txt')": [],
    "import numpy as np\nnp.loadtxt(fname='data.txt')": FILE,
    "import pandas as pd\npd.read_csv(sep=',', filepath_or_buffer='data.txt')": FILE,
    "import shutil\nshutil.copy(dst=data.path, src='data.txt')": FILE,
    "import sqlite3\nsqlite3.connect(database='data.txt')": FILE,
    "def load(n, p):\n    return open(file=p).read()\ndef f():\n    return load(p='data.txt', n=1)": FILE,
    "from io import open as o\no('data.txt')": FILE,
    "o = open\no('data.txt')": FILE,
    "import gzip\no = gzip.open\no('data.txt')": FILE,
    # other functions that read
    "from pathlib import Path\n(Path.home() / 'data.txt').read_text()": ["the file `~/data.txt`"],
    "from pathlib import Path\nPath.cwd().joinpath('data.txt').open()": FILE,
    "from pathlib import Path\nPath('data.csv').with_suffix('.txt').open()": [
        "the file that `Path('data.csv').with_suffix('.txt').op…` reads"
    ],
    "from pathlib import Path\np = Path('a').with_name('b')\np.read_text()": ["the file that `p.read_text()` reads"],
    "from pathlib import Path\n(Path('a').parent / 'b').read_text()": ["the file that `(Path('a').parent / 'b').read_text()` reads"],
    "from configparser import ConfigParser\nc = ConfigParser()\nc.read('data.txt')": FILE,
    "import configparser\nconfigparser.ConfigParser().read(['data.txt'])": FILE,
    "import fileinput\nfileinput.input('data.txt')": FILE,
    "import fileinput\nfileinput.input(files=('data.txt',))": FILE,
    "from fileinput import input as lines\nlines('data.txt')": FILE,
    "import linecache\nlinecache.getline('data.txt', 1)": FILE,
    "from urllib.request import urlopen\nurlopen('file:///data.txt')": ["the file `/data.txt`"],
    "import os\nopen(os.path.expandvars('$HOME/x'))": ["the file `$HOME/x`"],
    # artifacts that refer to a file
    "def f():\n    return Dataset('/data.txt')": ["the file `/data.txt`"],
    "def f():\n    return Model(uri='file:///data.txt')": ["the file `/data.txt`"],
    "class Forest(Model): ...\ndef f():\n    return Forest('/data.txt')": ["the file `/data.txt`"],
    "def f():\n    data.path = '/data.txt'": ["the file `/data.txt`"],
    "def f():\n    data.set_path('/data.txt')": ["the file `/data.txt`"],
    "def f():\n    return Dataset('data.txt')": [],
    "def f():\n    return Dataset('gs://bucket/data.txt')": [],
    "def f():\n    open('/data.txt', 'w')\n    return Dataset('/data.txt')": [],
    # variables
    "import os\n'Q' in os.environ": ["the environment variable `Q`"],
    "from os import environ\n'Q' not in environ": ["the environment variable `Q`"],
    "import os\nos.environ.setdefault('Q', '1')": ["the environment variable `Q`"],
    "import os\nname = 'Q'\nos.getenv(key=name)": ["the environment variable `Q`"],
    "import os\nfor name in names: os.environ[name]": ["the environment variable that `os.environ[name]` reads"],
    "from os import environ\n{**environ}": ["all environment variables"],
    "import os\ndict(os.environ)": ["all environment variables"],
    "import os\nfor name in os.environ: pass": ["all environment variables"],
    "import os\nos.environ.copy()": ["all environment variables"],
    "import os\nos.environ['Q'] = '1'": [],
    "import os\nos.environ.update(Q='1')": [],
    # tracked, or the task's own
    "from zipfile import ZipFile\nwith ZipFile(data.path) as z:\n    z.read('member')": [],
    "with open(data.path) as f:\n    f.read(2 + n)": [],
    "data.file.read(2 + n)": [],
    "f = thing()\nf.read(4), f.read(n), f.read(2 * n)": [],
    "open(data.path)": [],
    "where = data.path + '/x'\nopen(where)": [],
    "from pathlib import Path\nfor p in Path(data.path).glob('*'):\n    p.read_text()": [],
    "import tempfile\nwith tempfile.TemporaryDirectory() as d:\n    open(d + '/x')": [],
    "open('out', 'w').write('')\nopen('out').read()": [],
    "from pathlib import Path\nPath('out').mkdir()\nopen('out/x').read()": [],
    "from pathlib import Path\nPath('out').write_text('')": [],
    "import json\nwith open(data.path) as f:\n    json.load(f)": [],
    "import pandas as pd, io\npd.read_csv(io.StringIO(text))": [],
    "import pandas as pd\npd.read_csv('https://example.org/x.csv')": [],
}  # fmt: skip


@pytest.mark.parametrize(("text", "notes"), NOTES.items(), ids=range(len(NOTES)))
def test_reads_are_found_in_the_source(text: str, notes: list[str]) -> None:
    assert [gap.what for gap in gaps_in([ast.parse(text)], ["data"])] == notes


def test_a_constant_in_another_chunk_is_known() -> None:
    trees = [ast.parse("PATH = 'data.txt'"), ast.parse("def f():\n    return open(PATH).read()")]
    assert [gap.what for gap in gaps_in(trees, [])] == FILE


def test_the_line_of_a_hit_is_short() -> None:
    gaps = [Gap("the environment variable `A`", "", "A"), Gap("the file `b`"), Gap("the file `b`", " twice")]
    assert hit_note(gaps, ["A"]) == "not tracked: the file `b`"
    assert hit_note(gaps[:1], ["A"]) == ""


def test_the_event_of_a_hit_says_what_is_not_tracked(tmp_path: Path) -> None:
    opens = component(
        "opens", "def opens():\n    with open('/dev/null') as file:\n        return file.read()\n", {}, STR
    )
    plain = component("plain", "def plain():\n    return 'x'\n", {}, STR)
    body = graph(task("o", opens), task("p", plain), outputs={"o": (out("o"), STR), "p": (out("p"), STR)})
    told: list[events.Event] = []
    for _ in range(2):
        told.clear()
        run(pipeline(body, opens, plain), {}, folder=tmp_path, runner="inprocess", on_event=told.append)
    ends = {event.task: event.message for event in told if isinstance(event, events.TaskFinished)}
    assert ends == {"o": "not tracked: the file `/dev/null`", "p": ""}
