"""Functions and methods that decide something by text, so that text with a pipeline value must not reach them."""

from __future__ import annotations

import dataclasses
import inspect
import itertools
import re
import string
import types
from collections.abc import Mapping
from typing import Any, Final

from typedpipe.dsl.source.facts import HOLE, NOT_RESOLVED, NOTHING, Dotted, Fact
from typedpipe.dsl.source.kinds import is_function
from typedpipe.types.model import DictType, ListType, NullType, ScalarType, Type, UnionType

KEEPING_METHODS: Final = frozenset({"format", "format_map", "join"})
"""Methods that keep a value in the text whole. All others of ``str`` would see the placeholder."""
RENDERING: Final = frozenset({"substitute", "safe_substitute", "render"})
"""Methods of templates that do the same."""
LOOKUPS: Final = frozenset({"get", "setdefault", "pop", "index", "count", "remove", "discard", "find", "rfind"})
SEARCHES: Final = frozenset({"startswith", "endswith", "replace", "split", "partition", "strip", "removeprefix"})
ORDERING: Final = frozenset({"builtins.sorted", "builtins.min", "builtins.max", "builtins.set", "builtins.frozenset"})
"""Functions that compare the items that they are given."""
TESTING: Final = frozenset({"builtins.any", "builtins.all", "builtins.filter"})
READING: Final = frozenset(
    f"builtins.{name}"
    for name in [
        "len",
        "hash",
        "ord",
        "int",
        "float",
        "complex",
        "bool",
        "iter",
        "reversed",
        "list",
        "tuple",
        "enumerate",
        "bytes",
        "bytearray",
        "open",
        "eval",
    ]
)
"""Functions that read the characters of text."""
TYPE_TESTS: Final = frozenset({"builtins.isinstance", "builtins.type", "builtins.callable", "builtins.issubclass"})
KEEPING: Final = frozenset(
    {
        "builtins.str",
        "builtins.repr",
        "builtins.ascii",
        "builtins.format",
        "json.dumps",
        "shlex.quote",
        "shlex.join",
        "html.escape",
        "markupsafe.escape",
        "markupsafe._native.escape",
        "markupsafe._speedups.escape",
        "textwrap.dedent",
        "textwrap.indent",
        "yaml.dump",
        "yaml.safe_dump",
        "copy.copy",
        "copy.deepcopy",
        "os.fspath",
        "posix.fspath",
    }
)
"""Functions whose result is text with the same values."""
YAML: Final = frozenset(f"yaml.{name}" for name in ["dump", "safe_dump", "dump_all", "safe_dump_all"])
COPYING: Final = frozenset(
    {f"builtins.{name}" for name in ["list", "tuple", "reversed", "sorted", "iter"]}
    | {f"itertools.{name}" for name in ["chain", "islice", "cycle", "takewhile", "dropwhile", "filterfalse"]}
    | {"collections.deque"}
)
"""Functions whose result has the items of their arguments."""
PAIRING: Final = frozenset({"builtins.zip"} | {f"itertools.{name}" for name in ["zip_longest", "product"]})
"""Functions whose result has tuples of an item of each argument."""
DICTS: Final = frozenset({"builtins.dict", "collections.OrderedDict", "collections.ChainMap"})
FIELDS: Final = frozenset({"types.SimpleNamespace", "argparse.Namespace"})
"""Classes whose objects have the attributes that they are given by name."""
ADDING: Final = frozenset({"append", "appendleft", "insert", "add", "extend", "extendleft", "update", "setdefault"})
_READING_MODULES: Final = frozenset(
    {
        "base64",
        "binascii",
        "difflib",
        "fnmatch",
        "glob",
        "hashlib",
        "_hashlib",
        "_blake2",
        "_sha2",
        "_sha3",
        "hmac",
        "re",
    }
    | {"unicodedata", "uuid", "zlib", "posixpath", "ntpath", "genericpath", "operator", "_operator", "struct"}
)
_READING_FUNCTIONS: Final = frozenset(
    {"textwrap.fill", "textwrap.wrap", "textwrap.shorten", "os.getenv", "string.capwords"}
)


_YAML_NUMBER: Final = re.compile(
    r"[-+]?[0-9][0-9_]*(?:\.[0-9_]*(?:[eE][-+][0-9]+)?)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|[-+]?0b[01_]+|[-+]?0x[0-9a-fA-F_]+"
    r"|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?"
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}[Tt ]+[0-9]{1,2}:[0-9]{2}:[0-9]{2}\S*"
)
"""Text that YAML 1.1 reads as a number or a date."""
_SAMPLES: Final = ("10", "2024", "2.5")


def loses_quotes(shape: str) -> bool:
    r"""Whether YAML reads text as something else when its values are known, but not before: then it has no quotes.

    >>> loses_quotes("1.\0"), loses_quotes("v\0"), loses_quotes("-\0")
    (True, False, False)
    """
    pieces = shape.split(HOLE)
    if len(pieces) > _MOST_HOLES or _YAML_NUMBER.fullmatch("0x1".join(pieces)):
        return False
    for chosen in itertools.product(_SAMPLES, repeat=len(pieces) - 1):
        text = "".join(itertools.chain.from_iterable(zip(pieces, [*chosen, ""], strict=True)))
        if _YAML_NUMBER.fullmatch(text):
            return True
    return False


_MOST_HOLES: Final = 7
"""A date and time has six."""


def dispatches(thing: object) -> bool:
    """Whether a function is one of `functools.singledispatch`, which looks at the class of its argument."""
    return is_function(thing) and hasattr(thing, "registry") and hasattr(thing, "dispatch")


def dotted(thing: object) -> str:
    """The name of a library's function or class, as in ``re.match``; "" for anything else."""
    if isinstance(thing, Dotted):
        return thing.name
    name = getattr(thing, "__qualname__", None)
    module = getattr(thing, "__module__", None)
    if module is None and name is not None:  # a method of a C class: a builtin has no module only in old Pythons
        module = "builtins"
    return f"{module}.{name}" if isinstance(module, str) and isinstance(name, str) else ""


def method(thing: object, name: str) -> object:
    """A method of an object or a class, as a function if it is the user's; NOT_RESOLVED if only its name is known."""
    found = inspect.getattr_static(thing, name, NOT_RESOLVED)
    if isinstance(found, staticmethod | classmethod):
        found = found.__func__
    return found if is_function(found) else NOT_RESOLVED


def fields(cls: type) -> list[str]:
    """The parameters of a dataclass's or NamedTuple's constructor, which are its fields; [] for any other class."""
    if not isinstance(getattr(cls, "_fields", None), tuple) and not dataclasses.is_dataclass(cls):
        return []
    try:
        return list(inspect.signature(cls).parameters)
    except ValueError:
        return []


def init_only(cls: type) -> list[str]:
    """The parameters of a dataclass's constructor that only ``__post_init__`` receives."""
    kept = {field.name for field in dataclasses.fields(cls)} if dataclasses.is_dataclass(cls) else set(fields(cls))
    return [name for name in fields(cls) if name not in kept]


def is_no(type_: Type | None, tested: Fact) -> bool:
    """Whether no value of a type is an object of a class, as Python finds for the placeholder too."""
    cls = tested.thing
    if isinstance(type_, UnionType):
        return all(is_no(member, tested) for member in type_.members)
    own = _SCALARS.get(type_.kind) if isinstance(type_, ScalarType) else _CLASSES.get(type(type_))
    return isinstance(cls, type) and own is not None and not issubclass(own, cls) and not issubclass(cls, own)


_CLASSES: Final[Mapping[type, type]] = {ListType: list, DictType: dict, NullType: types.NoneType}
_SCALARS: Final[Mapping[str, type]] = {"int": int, "float": float, "bool": bool, "str": str}


def compares(cls: Any) -> bool:
    """Whether ``==`` compares the contents of two objects."""
    return cls.__eq__ is not object.__eq__


def property_of(cls: type, name: str) -> types.FunctionType | None:
    """The function of a property of a user's class."""
    found = inspect.getattr_static(cls, name, None)
    getter = found.fget if isinstance(found, property) else getattr(found, "func", None)
    return getter if is_function(getter) else None


def method_of(thing: object, name: str) -> str:
    """The name of a method of a library's object, as in ``re.Pattern.match``."""
    cls = type(thing)
    return f"{cls.__module__}.{cls.__qualname__}.{name}"


def reads_text(name: str) -> bool:
    """Whether a library's function decides something by the characters of its arguments."""
    return name in READING or name in _READING_FUNCTIONS or name.partition(".")[0] in _READING_MODULES


# ------------------------------------------------------------------------------------------- widths in formats

_PERCENT: Final = re.compile(r"%(?:\((\w+)\))?([-+ #0]*)(\*|\d+)?(?:\.(\*|\d+))?[hlL]?([a-zA-Z%])")


def pads_in_percent(text: str, given: Fact) -> bool:
    """Whether ``text % given`` pads or cuts text before the value is known."""
    found = [match for match in _PERCENT.finditer(text) if match[5] != "%"]
    every = list((given.parts or {}).values()) if not given.kind else []
    for match in found:
        for _ in range((match[3] == "*") + (match[4] == "*")):
            every = every[1:]
        if match[1]:
            fact = (given.parts or {}).get(match[1], NOTHING)
        else:
            fact, every = (every[0], every[1:]) if every else (given, [])
        if match[5] in "sra" and (match[3] or match[4]) and fact.is_late:
            return True
    return False


def pads_in_format(text: str, given: list[Fact], named: dict[str, Fact]) -> bool:
    """Whether ``text.format(…)`` pads or cuts text before the value is known. A value itself takes any format."""
    number = 0
    try:
        fields = list(string.Formatter().parse(text))
    except ValueError:
        return False
    for _, field, spec, conversion in fields:
        if field is None:
            continue
        key, number = (str(number), number + 1) if not field else (field, number)
        at: Any = re.split(r"[.\[]", key)[0]
        fact = named.get(at) or (given[int(at)] if at.isdecimal() and int(at) < len(given) else None)
        if fact is not None and spec and (fact.kind == "text" or (conversion and fact.kind == "value")):
            return True
    return False
