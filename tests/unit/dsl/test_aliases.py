"""Type aliases, relative imports and objects with another one's name: in a task they are what they are in the module."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.unit.dsl.test_modules import HEAD, Project, in_a_pod, local, project
from typedpipe.diagnostics.errors import PipelineError
from typedpipe.local.result import RunFailed

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


def _written(case: str, project: Project) -> Any:
    modules, text, expected = CASES.get(case) or BODIES[case]
    if case in CASES:
        text = f"{TYPES}{text}\n@component(include=[g])\ndef f() -> str:\n    return g()"
    end = "\n@pipeline\ndef main() -> str:\n    return f().output\n"
    user = project(**{**modules, "shop.flow" if "shop.config" in modules else "flow": HEAD + text + end})
    own = user.f.python_func()  # what Python itself says
    assert own == _expected(own, expected)
    return user.main, own


@pytest.mark.parametrize("case", [*CASES, *BODIES])
def test_a_task_in_this_process_has_the_objects_of_the_module(case: str, project: Project, tmp_path: Path) -> None:
    main, own = _written(case, project)
    assert local(main, "inprocess", tmp_path) == own


@pytest.mark.parametrize("case", [*CASES, *BODIES])
def test_a_pod_has_the_objects_of_the_module(case: str, project: Project, tmp_path: Path) -> None:
    main, own = _written(case, project)
    installed = str(tmp_path) if "shop.config" in CASES.get(case, BODIES.get(case, ({}, "", "")))[0] else ""
    assert in_a_pod(main, tmp_path, installed=installed) == own


@pytest.mark.parametrize(
    "case", ["an alias of a Literal", "aliases of other modules", "models", "an alias in the body"]
)
def test_a_process_has_the_objects_of_the_module(case: str, project: Project, tmp_path: Path) -> None:
    main, own = _written(case, project)
    assert local(main, "process", tmp_path) == own


def test_a_relative_import_fails_where_the_package_is_not_installed(project: Project, tmp_path: Path) -> None:
    main, _ = _written("a relative import", project)
    with pytest.raises(RunFailed, match="ModuleNotFoundError: No module named 'shop'"):
        local(main, "process", tmp_path)


def test_a_program_has_no_package(project: Project) -> None:
    text = "@component\ndef f() -> str:\n    from .config import ENABLED\n    return str(ENABLED)\n"
    user = project(flow=HEAD + text)
    with pytest.raises(ImportError, match="attempted relative import with no known parent package"):
        user.f.python_func()
    assert user.f.definition.impl.chunks[0].text == "__package__ = ''\n"


_PARAMETER = "make `X` a parameter of `g`, or assign its value inside `g`"
_WRITE = "`X` cannot be shipped, because it is a decorated function: write a plain `def` at module level, and call that in `g`"
_MOVE = "move `{}` into `g`, with the imports that it needs".format
ADVICE = {
    "partial": _MOVE("X = functools.partial(round, ndigits=1)"),
    "wrapper": _WRITE,
    "renamed function": "import `X` inside `g`",
    "renamed class": "import `X` inside `g`",
    "instance": _WRITE,
    "instance with names": _MOVE("X = C()"),
    "class made in a library": _MOVE("X = make_dataclass('X', ['n'])"),
    "an alias from the user's function": _MOVE("X = make()"),
}
OTHERS = {
    "partial": "import functools\nX = functools.partial(round, ndigits=1)",
    "bound method": "import random\nX = random.Random(3).uniform",
    "method of C": "import random\nX = random.Random(3).random",
    "wrapper": "import functools, json\n@functools.wraps(json.dumps)\ndef X(*a): return 'mine'",
    "renamed function": "def X(*a): return 'mine'\nX.__module__, X.__qualname__ = 'json', 'dumps'",
    "renamed class": "class X: pass\nX.__module__, X.__qualname__ = 'fractions', 'Fraction'",
    "instance": "import functools, json\nclass C:\n    def __call__(self): return 1\nX = functools.update_wrapper(C(), json.dumps)",
    "instance with names": "class C: pass\nX = C()\nX.__module__, X.__qualname__ = 'json', 'dumps'",
    "class made in a library": "from dataclasses import make_dataclass\nX = make_dataclass('X', ['n'])\nX.__module__ = 'types'",
    "an alias whose constant is another one now": "from typing import Annotated\nN = 1\nX = Annotated[int, N]\nN = 2",
    "an alias of a call whose constant is another one now": (
        "from typing import Annotated\nfrom pydantic import Field\nN = 1\nX = Annotated[int, Field(le=N)]\nN = 2"
    ),
    "an alias that is bound twice": (
        "from typing import Annotated\nfrom pydantic import Field\nX = Annotated[int, Field(le=1)]\nX = Annotated[int, Field(le=2)]"
    ),
    "an alias of itself": "from typing import Optional\nX = int\nX = Optional[X]",
    "an alias from the user's function": "def make(): return list[int]\nX = make()",
}


@pytest.mark.parametrize("case", OTHERS)
def test_an_object_that_no_import_and_no_assignment_gives_is_refused(case: str, project: Project) -> None:
    text = f"{OTHERS[case]}\ndef g(): return str(X)\n@component(include=[g])\ndef f() -> str:\n    return g()\n"
    with pytest.raises(PipelineError) as caught:
        project(flow=HEAD + text)
    (found,) = caught.value.diagnostics
    assert (found.code, found.message, found.help) == (
        "TP139",
        "`g` is shipped with the component, but it uses `X`, which cannot be shipped",
        ADVICE.get(case, _PARAMETER),
    )


def test_a_class_that_no_import_gives_is_refused(project: Project) -> None:
    text = "from dataclasses import make_dataclass\nX = make_dataclass('X', [('n', int)])\nX.__module__ = 'types'\n"
    with pytest.raises(PipelineError) as caught:
        project(flow=f"{HEAD}{text}@component\ndef f(x: X) -> int:\n    return x.n\n")
    (found,) = caught.value.diagnostics
    assert (found.code, found.message, found.help) == (
        "TP139",
        "`X` is shipped with the component, but `types` has no such class to import",
        "define `X` with a `class` statement",
    )


def test_another_object_under_the_name_of_an_import(project: Project, tmp_path: Path) -> None:
    text = """
from json import dumps, loads
from typedpipe import Dataset as Model
def mine(x): return f"mine {x}"
loads = mine
def g(): return f"{loads(1)} {Model.__name__} {dumps([])}"
@component(include=[g])
def f() -> str:
    return g()
@pipeline
def main() -> str:
    return f().output
"""
    assert in_a_pod(project(flow=HEAD + text).main, tmp_path) == "mine 1 Dataset []"


def test_the_text_of_a_literal_is_no_name(project: Project) -> None:
    text = """
from dataclasses import dataclass
from typing import Annotated, Literal
train, price = object(), 3
def unused(): return train
@dataclass
class Spec:
    kind: Literal["unused"] = "unused"
    at: Annotated[int, "price"] = 1
@component
def f(spec: Spec) -> str:
    return spec.kind
"""
    user = project(flow=HEAD + text)
    assert not [
        chunk.text for chunk in user.f.definition.impl.chunks if "train" in chunk.text or "price =" in chunk.text
    ]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="a statement of Python 3.12")
def test_type_statements(project: Project, tmp_path: Path) -> None:
    text = """
from typing import get_type_hints
from pydantic import BaseModel
type Kind = int | list[Kind]
type Pair[T] = tuple[T, Kind]
Ints = Pair[int]
class Spec(BaseModel):
    kind: Kind
def g(): return f"{Kind.__value__} {Ints} {Spec(kind=[1, [2]]).kind}"
@component(include=[g])
def f() -> str:
    return g()
@pipeline
def main() -> str:
    return f().output
"""
    user = project(flow=HEAD + text)
    assert in_a_pod(user.main, tmp_path) == user.f.python_func() == "int | list[Kind] Pair[int] [1, [2]]"
    assert user.f.definition.impl.min_python == (3, 12)


def test_names_that_are_not_shipped_are_not_found(project: Project, tmp_path: Path) -> None:
    text = """
@component
def f() -> list[str]:
    from importlib import import_module
    found = []
    for name in ("tp_component.config", "tp_component.f", "tp_component.shop.config", "tp_component.shop.flow.f"):
        try:
            found.append(str(import_module(name)))
        except ModuleNotFoundError as error:
            found.append(str(error))
    return found
@pipeline
def main() -> list[str]:
    return f().output
"""
    user = project(**RELATIVE, **{"shop.flow": HEAD + text})
    names = ("tp_component.config", "tp_component.f", "tp_component.shop.config", "tp_component.shop.flow.f")
    assert local(user.main, "inprocess", tmp_path) == [f"No module named '{name}'" for name in names]
    assert not [name for name in sys.modules if name.startswith("tp_component.")]
