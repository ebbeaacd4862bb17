"""Type aliases, relative imports and objects with another one's name: in a task they are what they are in the module."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from tests.unit.dsl.test_modules import HEAD, RUNNERS, Project, in_a_pod, local, project
from typedpipe.diagnostics.errors import PipelineError

__all__ = ["project"]  # a fixture

TYPES = "from typing import Annotated, Any, Callable, Literal, NewType, Optional, TypeVar, Union, get_args, get_type_hints\n"
RELATIVE = {
    "shop.__init__": "",
    "shop.deep.__init__": "",
    "shop.config": "ENABLED = False\nN = 3\n",
    "shop.deep.inner": "from ..config import N\ndef twice(n): return n * 2\nclass Box:\n    n = N\n",
}
CASES: dict[str, tuple[dict[str, str], str, object]] = {
    "an alias of a Literal": ({}, "Kind = Literal['a', 'b']\ndef g(): return str(get_args(Kind))", "('a', 'b')"),
    "annotated aliases": (
        {},
        "from typing import TypeAlias\nKind: TypeAlias = Literal['a', 'b']\ndef g(): return str(get_args(Kind))",
        "('a', 'b')",
    ),
    "builtin generics": ({}, "Rows = list[str]\ndef g(): return str(Rows)", "list[str]"),
    "unions": ({}, "Number = Union[int, float]\ndef g(): return str(Number)", "typing.Union[int, float]"),
    "new unions": ({}, "Number = int | float\ndef g(): return str(Number)", "int | float"),
    "optional": ({}, "Maybe = Optional[int]\ndef g(): return str(Maybe)", "typing.Optional[int]"),
    "metadata": (
        {},
        "from pydantic import Field\nShare = Annotated[float, Field(ge=0, le=1, description='g')]\ndef g(): return str(Share)",
        "typing.Annotated[float, FieldInfo(annotation=NoneType, required=True, description='g', metadata=[Ge(ge=0), Le(le=1)])]",
    ),
    "new types": (
        {},
        "Id = NewType('Id', int)\ndef g(): return f'{Id.__supertype__} {Id(3)} {Id.__name__}'",
        "<class 'int'> 3 Id",
    ),
    "bound type variables": (
        {},
        "T = TypeVar('T', bound=int)\nU = TypeVar('U', int, str)\nV = TypeVar('V')\n"
        "def g(): return f'{T.__bound__} {U.__constraints__} {V}'",
        "<class 'int'> (<class 'int'>, <class 'str'>) ~V",
    ),
    "parameters": (
        {},
        "from typing import ParamSpec\nP = ParamSpec('P')\nF = Callable[P, int]\ndef g(): return str(F)",
        "typing.Callable[~P, int]",
    ),
    "aliases of aliases": (
        {},
        "Kind = Literal['a']\nKinds = list[Kind]\nAll = dict[str, Kinds]\ndef g(): return str(All)",
        "dict[str, list[typing.Literal['a']]]",
    ),
    "aliases of classes": (
        {},
        "from typing import Generic\nT = TypeVar('T')\nclass Box(Generic[T]):\n    x: T\nIntBox = Box[int]\n"
        "def g(): return f'{get_args(IntBox)} {type(IntBox()).__name__}'",
        "(<class 'int'>,) Box",
    ),
    "an alias that its class uses": (
        {},
        "class Node:\n    def all(self): return get_args(Nodes)[0] is Node\nNodes = list[Node]\nMore = list[Nodes]\n"
        "class Tree(Node):\n    def more(self): return get_args(More)[0] is Nodes\ndef g(): return f'{Tree().all()} {Tree().more()}'",
        "True True",
    ),
    "texts": (
        {},
        "class Node:\n    n = 1\nNodes = list['Node']\nclass Tree:\n    nodes: Nodes\ndef g(): return str(get_type_hints(Tree)['nodes'].__args__[0] is Node)",
        None,
    ),
    "aliases of other modules": (
        {
            "kinds": "from typing import Literal\nfrom deeper import Name\nKind = Literal['a']\nNames = list[Name]\n",
            "deeper": "from typing import NewType\nName = NewType('Name', str)\n",
        },
        "from kinds import Kind, Names as Them\ndef g(): return f'{get_args(Kind)} {get_args(Them)[0].__name__}'",
        "('a',) Name",
    ),
    "an alias of another module that waits for a class": (
        {"nodes": "class Node:\n    def all(self): return Nodes\nNodes = list[Node]\n"},
        "from nodes import Node, Nodes\ndef g(): return str(Node().all() is Nodes and get_args(Nodes)[0] is Node)",
        "True",
    ),
    "libraries": (
        {},
        "import numpy as np\nfrom numpy.typing import NDArray\nfrom collections.abc import Mapping\nFloats = NDArray[np.float64]\n"
        "Table = Mapping[str, Floats]\ndef g(): return str(get_args(Table)[1] == NDArray[np.float64])",
        "True",
    ),
    "class bodies": (
        {},
        "class A:\n    Kind = Literal['a']\n    Rows = list[str]\ndef g(): return str(get_args(A.Kind)) + str(A.Rows)",
        "('a',)list[str]",
    ),
    "two on a line": ({}, "A = list[int]; B = print\ndef g(): return str(A)", "list[int]"),
    "branches": (
        {},
        "import sys\nif sys.version_info > (3, 9):\n    A = list[int]\nelse:\n    A = list[str]\ndef g(): return str(A)",
        "list[int]",
    ),
    "artifacts": (
        {},
        "from typedpipe import Dataset, Model\nSets = list[Dataset]\nEither = Union[Dataset, Model]\n"
        "def g(): return f'{get_args(Sets)[0].__name__} {len(get_args(Either))}'",
        "Dataset 2",
    ),
    "models": (
        {},
        "from pydantic import BaseModel, Field\nKind = Literal['a']\nShare = Annotated[float, Field(le=1)]\nNames = list[str]\n"
        "class Split(BaseModel):\n    kind: Kind = 'a'\n    share: Share = 0.5\n    names: Names = []\n"
        "def refuses(**given):\n    try:\n        Split(**given)\n    except ValueError:\n        return True\n    return False\n"
        "def g(): return str([refuses(kind='b'), refuses(share=7), refuses(names=[1]), refuses()])",
        "[True, True, True, False]",
    ),
    "generic models": (
        {},
        "from typing import Generic\nfrom pydantic import BaseModel\nT = TypeVar('T')\nclass Box(BaseModel, Generic[T]):\n    x: T\n"
        "IntBox = Box[int]\ndef g(): return str(IntBox(x='3'))",
        "x=3",
    ),
}  # fmt: skip
BODIES: dict[str, tuple[dict[str, str], str, object]] = {
    "an alias in the body": (
        {},
        "from typing import Literal, get_args\nKind = Literal['a', 'b']\n@component\ndef f() -> str:\n"
        "    from typing import get_args\n    return str(get_args(Kind))",
        "('a', 'b')",
    ),
    "an alias in a model in the body": (
        {},
        "from typing import Annotated\nfrom pydantic import BaseModel, Field\nShare = Annotated[float, Field(le=1)]\n@component\n"
        "def f() -> str:\n    from pydantic import BaseModel\n    class Split(BaseModel):\n        share: Share\n    try:\n"
        "        return str(Split(share=7))\n    except ValueError:\n        return 'refused'",
        "refused",
    ),
    "a relative import": (
        RELATIVE,
        "@component\ndef f() -> str:\n    from .config import ENABLED\n    return 'on' if ENABLED else 'off'",
        "off",
    ),
    "a relative import of a module": (
        RELATIVE,
        "@component\ndef f() -> str:\n    from . import config as c\n    from .deep import inner\n    return f'{c.N}{inner.Box.n}'",
        "33",
    ),
    "a relative import of nothing": (
        RELATIVE,
        "@component\ndef f() -> str:\n    try:\n        from .no_such_module import x\n    except ModuleNotFoundError as error:\n"
        "        return str(error)\n    return 'found'",
        "No module named 'shop.no_such_module'",
    ),
    "a relative import of a name that is not there": (
        RELATIVE,
        "@component\ndef f() -> str:\n    try:\n        from .config import no_such_name\n    except ImportError as error:\n"
        "        return str(error).partition(' (')[0]\n    return 'found'",
        "cannot import name 'no_such_name' from 'shop.config'",
    ),
    "import_module": (
        RELATIVE,
        "@component\ndef f() -> str:\n    from importlib import import_module\n    return f\"{import_module('.config', __package__).N} {__package__}\"",
        "3 shop",
    ),
    "helpers and classes": (
        {
            **RELATIVE,
            "shop.deep.steps": "def total():\n    from ..config import N\n    from .inner import twice\n    return twice(N)\n"
            "class Reader:\n    def get(self):\n        from .. import config\n        return config.ENABLED\n"
            "class Early:\n    from ..config import N\n",
        },
        "from .deep.steps import Early, Reader, total\n@component(include=[Early, Reader, total])\ndef f() -> str:\n"
        "    from .config import N\n    return f'{total()} {Reader().get()} {Early.N} {N}'",
        "6 False 3 3",
    ),
}


def _expected(found: str, expected: object) -> str:
    return found if expected is None else str(expected)


@pytest.mark.parametrize("case", [*CASES, *BODIES])
@pytest.mark.parametrize("runner", [*RUNNERS, "pod"])
def test_a_task_has_the_objects_of_the_module(
    case: str, runner: str, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modules, text, expected = CASES.get(case) or BODIES[case]
    if case in CASES:
        text = f"{TYPES}{text}\n@component(include=[g])\ndef f() -> str:\n    return g()"
    name = "shop.flow" if modules is RELATIVE or "shop.config" in modules else "flow"
    end = "\n@pipeline\ndef main() -> str:\n    return f().output\n"
    user = project(**{**modules, name: HEAD + textwrap.dedent(text) + end})
    own = user.f.python_func()  # what Python itself says
    assert own == _expected(own, expected)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    if runner == "pod":
        installed = str(tmp_path) if case in BODIES else ""
        assert in_a_pod(user.main, tmp_path, installed=installed) == own
    else:
        assert local(user.main, runner, tmp_path) == own
