"""Argo templates as data: DAGs of tasks, and leaves, which are pods; and their YAML."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, TypeAlias

from typedpipe.compiler.pod import Pod
from typedpipe.types.json_text import json_text

Data: TypeAlias = "str | int | float | bool | Sequence[Data] | Mapping[str, Data] | None"
Arguments: TypeAlias = list[tuple[str, str]]


@dataclass(slots=True)
class Exit:
    """A template that runs when a task of a DAG has ended."""

    template: str
    arguments: Arguments
    status: Arguments
    """Arguments with the status of the ended task, whose tags hold only in the DAG of that task."""


@dataclass(slots=True)
class DagTask:
    """A task of a DAG: one line of YAML."""

    name: str
    template: str
    arguments: Arguments = field(default_factory=list)
    depends: list[str] = field(default_factory=list)
    when: str = ""
    with_param: str = ""
    exit: Exit | None = None
    strict: bool = False
    """Whether a skipped upstream task keeps it from running."""
    go_on: bool = False

    def line(self, libraries: Mapping[str, str]) -> str:
        """The task as a flow mapping; ``libraries`` maps templates stored elsewhere to their workflow templates."""
        text = f"{{name: {scalar(self.name)},{reference(self.template, libraries)}"
        if self.depends:
            end = ".Succeeded" if self.strict else ""
            text += f",depends: {scalar(f'{end} && '.join(self.depends) + end)}"
        if self.when:
            text += f",when: {quoted(self.when)}"
        if self.with_param:
            text += f",withParam: {quoted(self.with_param)}"
        if self.go_on:
            text += ",continueOn: {failed: true, error: true}"
        if self.arguments:
            text += f",arguments: {arguments(self.arguments)}"
        if self.exit:
            given = [*self.exit.arguments, *self.exit.status]
            more = f", arguments: {arguments(given)}" if given else ""
            text += f",hooks: {{exit: {{{reference(self.exit.template, libraries)}{more}}}}}"
        return text + "}"


def reference(template: str, libraries: Mapping[str, str]) -> str:
    """The key and value that refer to a template."""
    library = libraries.get(template)
    name = scalar(template)
    return f"template: {name}" if library is None else f"templateRef: {{name: {scalar(library)}, template: {name}}}"


_WIDE: Final = 200
"""Characters that stand on one line; a line that is as long as this can still be read."""
_BELOW: Final = "\n" + " " * 10
_LINE_END: Final = re.compile(r'((?:^|[^\\])(?:\\\\)*\\n)(?=[^\s"])')
"""The escape of a newline, if what follows neither ends the string nor begins with a space."""


def arguments(given: Arguments) -> str:
    """Arguments as a flow mapping; as compact as YAML allows, because a workflow has thousands of them.

    >>> print(arguments([("n", "{{item}}")]))
    {parameters: [{name: 'n',value: '{{item}}'}]}
    """
    each = [f"{{name: {scalar(name)},value: {_value(text)}}}" for name, text in given]
    listed = ",".join(each)
    if len(listed) > _WIDE:
        listed = _BELOW + f",{_BELOW}".join(each)
    return f"{{parameters: [{listed}]}}"


def _value(text: str) -> str:
    """A quoted string; a long one has its lines below each other."""
    found = quoted(text)
    return (
        _LINE_END.sub(lambda end: f"{end[1]}\\{_BELOW}", found) if len(found) > _WIDE // 2 and "\n" in text else found
    )


@dataclass(slots=True)
class Input:
    """An input parameter: passed by the caller, with a default, or with a value from the workflow's arguments."""

    name: str
    default: str | None = None
    value: str | None = None

    def text(self) -> str:
        """The parameter as a flow mapping."""
        default = "" if self.default is None else f", default: {scalar(self.default)}"
        value = "" if self.value is None else f", value: {scalar(self.value)}"
        return f"{{name: {scalar(self.name)}{default}{value}}}"


@dataclass(slots=True)
class Output:
    """An output parameter of a DAG. It is total: a task that did not run outputs the default."""

    name: str
    path: str = ""
    expression: str = ""
    default: str | None = "null"

    def text(self) -> str:
        """The parameter as a flow mapping."""
        source = f"parameter: '{{{{{self.path}}}}}'" if self.path else f"expression: {scalar(self.expression)}"
        default = "" if self.default is None else f", default: {scalar(self.default)}"
        return f"{{name: {scalar(self.name)}, valueFrom: {{{source}{default}}}}}"


@dataclass(slots=True)
class Dag:
    """A template of tasks."""

    name: str
    inputs: list[Input] = field(default_factory=list)
    tasks: list[DagTask] = field(default_factory=list)
    outputs: list[Output] = field(default_factory=list)
    parallelism: int = 0
    memoize: dict[str, Data] | None = None

    def head(self) -> list[str]:
        """Lines before the tasks."""
        out = []
        if self.inputs:
            out += ports("inputs", [port.text() for port in self.inputs])
        if self.outputs:
            out += ports("outputs", [port.text() for port in self.outputs])
        if self.memoize:
            out.append(f"memoize: {flow(self.memoize)}")
        return [*out, f"parallelism: {self.parallelism}"] if self.parallelism else out


@dataclass(slots=True)
class Container:
    """The container of a leaf: a command in an image or, with a ``source``, a program for its command."""

    image: str
    command: list[Data] = field(default_factory=list)
    args: list[Data] = field(default_factory=list)
    env: list[dict[str, Data]] = field(default_factory=list)
    resources: dict[str, Data] = field(default_factory=dict)
    mounts: list[Data] = field(default_factory=list)
    source: str = ""

    def lines(self, more: Mapping[str, Data]) -> list[str]:
        """The container as YAML, with ``more`` fields."""
        fields: dict[str, Data] = {
            "command": self.command,
            "args": self.args,
            "env": self.env,
            "resources": self.resources,
            "volumeMounts": self.mounts,
        }
        fields = {key: value for key, value in fields.items() if value}
        out = ["script:" if self.source else "container:", f"  image: {flow(self.image)}"]
        out += [f"  {key}: {flow(value)}" for key, value in (*fields.items(), *more.items())]
        return [*out, *("  source: " + literal(self.source, "    ")).split("\n")] if self.source else out


@dataclass(slots=True)
class Leaf:
    """A template of a pod. It is data until it is complete; :meth:`lines` writes it."""

    name: str
    container: Container
    pod: Pod = field(default_factory=Pod)
    inputs: list[Data] = field(default_factory=list)
    input_artifacts: list[Data] = field(default_factory=list)
    outputs: list[Data] = field(default_factory=list)
    output_artifacts: list[Data] = field(default_factory=list)
    source: str = ""
    """The file and line of its component, written as a comment."""
    annotations: dict[str, Data] = field(default_factory=dict)
    """Annotations of the template, not of its pod: shown by Argo."""
    retry: dict[str, Data] = field(default_factory=dict)
    deadline: int = 0
    """Time limit in seconds; 0 means no limit."""
    patch: str = ""
    """JSON with tags in it, for fields of the pod's spec that do not accept tags themselves."""
    volumes: list[Data] = field(default_factory=list)

    def lines(self) -> list[str]:
        """The template as YAML, without its name."""
        out = [f"# {self.source}"] if self.source else []
        if self.volumes:
            out += ["volumes:", *(f"- {flow(volume)}" for volume in self.volumes)]
        if self.annotations:
            out.append(f"annotations: {flow(self.annotations)}")
        metadata: dict[str, Data] = {"labels": self.pod.labels, "annotations": self.pod.annotations}
        out.append(f"metadata: {flow({key: value for key, value in metadata.items() if value})}")
        if self.retry:
            out.append(f"retryStrategy: {flow(self.retry)}")
        if self.deadline:
            out.append(
                f"activeDeadlineSeconds: {self.deadline}"
            )  # `timeout` next to it would override it (seen in a run)
        out += _leaf_ports("inputs", self.inputs, self.input_artifacts)
        out += _leaf_ports("outputs", self.outputs, self.output_artifacts)
        if self.patch:
            out.append(f"podSpecPatch: {flow(self.patch)}")
        out += [f"{key}: {flow(value)}" for key, value in self.pod.spec.items()]
        return out + self.container.lines(self.pod.container)


def _leaf_ports(word: str, parameters: list[Data], artifacts: list[Data]) -> list[str]:
    out = [f"{word}:"] if parameters or artifacts else []
    for kind, listed in (("parameters", parameters), ("artifacts", artifacts)):
        if listed:
            out += [f"  {kind}:", *(f"  - {flow(port)}" for port in listed)]
    return out


@dataclass(slots=True)
class Nothing:
    """A template that does nothing: it fills a DAG without tasks, which Argo rejects."""

    name: str

    def lines(self) -> list[str]:
        """The template as YAML, without its name."""
        return ["suspend: {duration: '0'}"]


Template: TypeAlias = Dag | Leaf | Nothing


def ports(word: str, texts: list[str]) -> list[str]:
    """Parameters, each a flow mapping: a single one on the same line, several on lines below."""
    if len(texts) == 1:
        return [f"{word}: {{parameters: [{texts[0]}]}}"]
    return [f"{word}:", "  parameters:", *(f"  - {text}" for text in texts)]


def write(templates: list[Template], libraries: Mapping[str, str], indent: str = "  ") -> str:
    """The list of templates."""
    out: list[str] = []
    for template in templates:
        out.append(f"{indent}- name: {scalar(template.name)}")
        if not isinstance(template, Dag):
            out += [f"{indent}  {line}" if line else "" for line in template.lines()]
            continue
        out += [f"{indent}  {line}" for line in template.head()]
        # in a flow list, each of a thousand task lines is two bytes shorter than as a block item
        out.append(f"{indent}  dag: {{tasks: [")
        between = f",\n{indent}   "
        out.append(f"{indent}   " + between.join([task.line(libraries) for task in template.tasks]) + "]}")
    return "\n".join(out)


# --------------------------------------------------------------------------------------------------- YAML
#
# Deterministic, fast, and read alike by YAML 1.1 and 1.2; docs/adr says why this is our own. Only what Argo needs: scalars,
# flow collections and literal blocks. Whatever a reader might take for something else than a string is quoted.

_PLAIN = re.compile(r"[A-Za-z/_][A-Za-z0-9_./-]*( [A-Za-z0-9_./&|-]+)*\Z|[A-Za-z/_][A-Za-z0-9_./-]*:[A-Za-z0-9_./-]+\Z")
_WORDS = frozenset(["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nil", "nan", "inf"])
"""YAML 1.1's booleans and nulls. kubectl does read a plain `n` as false (tested)."""


def quoted(text: str) -> str:
    r"""A quoted string: in single quotes if it is printable, otherwise in double quotes with escapes.

    >>> print(quoted("it's {{x}}"), quoted("a\nb"))
    'it''s {{x}}' "a\nb"
    """
    if text.isprintable():
        return "'" + text.replace("'", "''") + "'" if "'" in text else "'" + text + "'"
    short = {"\n": "\\n", '"': '\\"', "\\": "\\\\"}  # YAML has no surrogate pairs, unlike JSON
    escaped = (short.get(c) or (c if c.isprintable() else f"\\U{ord(c):08x}") for c in text)
    return '"' + "".join(escaped) + '"'


@lru_cache(maxsize=8192)
def scalar(text: str) -> str:
    """A string, without quotes if every reader takes it for a string.

    >>> scalar("train-1"), scalar("n"), scalar("3"), scalar("a: b")
    ('train-1', "'n'", "'3'", "'a: b'")
    """
    name = text.isascii() and text.replace("-", "_").isidentifier() and text[0] != "-"  # most are, and this is faster
    return text if (name or _PLAIN.match(text)) and text.lower() not in _WORDS else quoted(text)


class Written(str):
    """A string that is already YAML."""

    __slots__ = ()


def flow(data: Data) -> str:
    """Data on one line.

    >>> print(flow({"name": "a", "on": [1, True, "yes"], "empty": {}}))
    {name: a, 'on': [1, true, 'yes'], empty: {}}
    """
    if isinstance(data, str):
        return str(data) if isinstance(data, Written) else scalar(data)
    if isinstance(data, Mapping):
        return "{" + ", ".join(f"{scalar(key)}: {flow(value)}" for key, value in data.items()) + "}"
    if isinstance(data, (bool, int, float)) or data is None:
        return json_text(data)
    return "[" + ", ".join(map(flow, data)) + "]"


def literal(text: str, indent: str) -> str:
    r"""A literal block to follow ``key: ``, each line indented by ``indent``.

    >>> print("source: " + literal("a\n  b\n", "  "))
    source: |
      a
        b
    """
    lines = text.removesuffix("\n").split("\n")
    body = "\n".join(indent + line if line else "" for line in lines)
    keep = "" if text.endswith("\n") else "-"
    mark = str(2) if lines[0][:1] == " " or not lines[0] else ""
    return f"|{mark}{keep}\n{body}"


# ------------------------------------------------------------------------------------------------- tags in text
#
# A *tag* is ``{{path}}`` or ``{{=expression}}``.


def tag(expr: str) -> str:
    """An expression as a tag, which Argo replaces with its value."""
    return "{{=" + expr + "}}"


def esc(expr: str) -> str:
    """An expression that adds the same escapes to the JSON text of another expression, when the workflow runs."""
    once = f'sprig.replace("{{"+"{{","{{\\\\u007b",sprig.replace("$","\\\\u0024",{expr}))'
    return f'sprig.replace("\\u007f","\\\\u007f",{once})'


def string(text: str) -> str:
    r"""A string literal in Argo's expression language. It never ends a tag and never looks like one.

    >>> string('a"b'), string("{{x}}")
    ('"a\\"b"', '"{\\u007bx}\\u007d"')
    """
    out = json.dumps(text, ensure_ascii=not text.isprintable())
    if "{" in out or "}" in out or "$" in out or "\x7f" in out:
        out = out.replace("{{", "{\\u007b").replace("}}", "}\\u007d").replace("$", "\\u0024").replace("\x7f", "\\u007f")
    return out if text.isprintable() else _astral(text)


def _astral(text: str) -> str:
    """Replace JSON's surrogate pairs, which the expression language does not have, with eight-digit escapes."""
    out = "".join(c if c.isprintable() and c not in '"\\{}$' else f"\\U{ord(c):08x}" for c in text)
    return f'"{out}"'
