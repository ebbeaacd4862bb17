"""Functions and methods that decide something by text, so that text with a pipeline value must not reach them."""

from __future__ import annotations

import inspect
import re
import string
from typing import Any, Final

from typedpipe.dsl.source.facts import NOT_RESOLVED, Dotted, Fact
from typedpipe.dsl.source.kinds import is_function

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
COPYING: Final = frozenset(
    {"builtins.list", "builtins.tuple", "builtins.dict", "builtins.reversed", "builtins.sorted", "builtins.enumerate"}
)
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


def method_of(thing: object, name: str) -> str:
    """The name of a method of a library's object, as in ``re.Pattern.match``."""
    cls = type(thing)
    return f"{cls.__module__}.{cls.__qualname__}.{name}"


def reads_text(name: str) -> bool:
    """Whether a library's function decides something by the characters of its arguments."""
    return name in READING or name in _READING_FUNCTIONS or name.partition(".")[0] in _READING_MODULES


# ------------------------------------------------------------------------------------------- widths in formats

_PERCENT: Final = re.compile(r"%(?:\((\w+)\))?([-+ #0]*)(\*|\d+)?(?:\.(\*|\d+))?[hlL]?([a-zA-Z%])")


def pads_in_percent(text: str, given: Fact | list[Fact]) -> bool:
    """Whether ``text % given`` pads or cuts text before the value is known."""
    found = [match for match in _PERCENT.finditer(text) if match[5] != "%"]
    facts = given if isinstance(given, list) else [given] * len(found)
    return any(
        fact.kind in ("text", "value") and (match[3] or match[4])
        for match, fact in zip(found, facts, strict=False)
        if match[5] in "sra"
    )


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
