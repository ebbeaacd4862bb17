"""The tools of Python see the function that a component or pipeline was made from."""

from __future__ import annotations

import copy
import functools
import inspect
import operator
import pickle
import pydoc
import types
import typing
from typing import Any

import pytest

from tests.unit.dsl import decorated_samples as samples
from typedpipe import dsl
from typedpipe.dsl.component import BaseComponent, Component, ParamComponent

NAMES = ["train", "written", "shell", "whole", "plain"]


@pytest.fixture(params=NAMES)
def found(request: pytest.FixtureRequest) -> Any:
    return getattr(samples, request.param)


def test_pickle_takes_it_by_name(found: Any) -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(found, protocol)) is found
    assert copy.copy(found) is found
    assert copy.deepcopy([found]) == [found]


def test_pickle_refuses_what_no_module_has() -> None:
    @dsl.component
    def local(n: int) -> int:
        return n

    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(local)


def test_typing(found: Any) -> None:
    hints = typing.get_type_hints(found)
    assert hints == typing.get_type_hints(found.__wrapped__)
    assert typing.get_type_hints(samples.train) == {"rows": int, "rate": float, "name": str, "return": list[float]}
    assert inspect.get_annotations(found) == inspect.get_annotations(found.__wrapped__)


def test_inspect(found: Any) -> None:
    assert inspect.getsourcefile(found) == samples.__file__
    assert inspect.getfile(found) == samples.__file__
    assert inspect.getmodule(found) is samples
    assert inspect.getsource(found).startswith("@dsl.")
    assert f"def {found.__name__}(" in inspect.getsource(found)
    assert inspect.signature(found) == inspect.signature(found.__wrapped__)
    assert inspect.getdoc(found) == inspect.getdoc(found.__wrapped__)
    assert inspect.getfullargspec(found).args == inspect.getfullargspec(found.__wrapped__).args
    assert inspect.unwrap(found) is found.__wrapped__
    assert (inspect.isfunction(found), inspect.isroutine(found), inspect.isclass(found)) == (True, True, False)


def test_help(found: Any) -> None:
    text = pydoc.plain(pydoc.render_doc(found))
    assert text.startswith(f"Python Library Documentation: function {found.__name__} in module {samples.__name__}\n")
    assert f"{found.__name__}({'n' if found is samples.plain else ''}" in text
    assert (inspect.getdoc(found) or "plain(n").splitlines()[0] in text
    module = pydoc.plain(pydoc.render_doc(samples))
    functions = module[module.index("\nFUNCTIONS\n") :]
    assert all(f"    {name}(" in functions for name in NAMES)


def test_what_it_really_is_is_known(found: Any) -> None:
    kinds = {"train": Component, "plain": Component, "written": ParamComponent, "shell": ParamComponent}
    assert isinstance(found, kinds.get(found.__name__, dsl.Pipeline))
    assert isinstance(found, types.FunctionType)
    assert isinstance(found, BaseComponent) == (found.__name__ != "whole")
    assert type(found).__name__ in repr(type(found))
    assert repr(found).startswith("<pipeline the-whole" if found.__name__ == "whole" else "<component ")


def test_wraps_and_unknown_attributes(found: Any) -> None:
    @functools.wraps(found)
    def wrapper() -> None: ...

    assert wrapper.__doc__ == found.__doc__
    assert wrapper.__wrapped__ is found
    with pytest.raises(AttributeError, match="object has no attribute 'nothing'"):
        operator.attrgetter("nothing")(found)
