"""Runtime of a task in a container or a local process: one file, standard library only, Python 3.8 and later.

Five parts: the artifact classes that users see, the wire codec, asks (expressions of a pipeline, evaluated by Python),
loading shipped source, and ``main``, which reads the inputs, calls the function and writes the outputs.
docs/architecture describes the layout and the wire format.
"""

# The file must run on Python 3.8 and convert JSON data by types that are data too, hence these checker exceptions:
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownLambdaType=false, reportUnnecessaryIsInstance=false, reportUnknownParameterType=false
# pyright: reportPrivateUsage=false, reportUntypedNamedTuple=false
# ruff: noqa: ARG001, ARG002, ARG005, B905, SLF001, C420, RUF005, PYI024, BLE001

from __future__ import annotations

import io
import json
import os
import stat
import sys

TYPE_CHECKING = False  # not imported from typing, which costs more than the rest of this file
if TYPE_CHECKING:
    from types import CodeType, ModuleType
    from typing import Any, Callable, NoReturn, Sequence, Union

    from typing_extensions import Self, TypeAlias

    AnyPath: TypeAlias = Union[str, bytes, "os.PathLike[str]", "os.PathLike[bytes]"]

MODULE = "tp_component"  # the module name of every component: what one pickles, another can load
MARKER = ".typedpipe-empty"
STAMP = ".stamp"
_OWN = frozenset(
    (
        "accelerator",
        "arm",
        "artifact",
        "ask",
        "at",
        "cache",
        "cpu",
        "empty",
        "env",
        "error",
        "exit",
        "given",
        "if",
        "image",
        "in",
        "items",
        "memory",
        "ok",
        "path",
        "record",
        "status",
    )
)
_KINDS = {"int": int, "float": (int, float), "bool": bool, "str": str}
_state = {"scratch": "", "count": "0", "made": ""}

# ---------------------------------------------------------------------------------------------------- artifacts


class Artifact:
    """A file or directory with a type. Subclass it to define a type: ``class Forest(Model): ...``.

    >>> Artifact("s3://bucket/rows.csv", metadata={"rows": 3}).metadata["rows"]
    3
    """

    schema_title: str = "system.Artifact"
    schema_version: str = "0.0.1"

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "schema_title" not in cls.__dict__:
            cls.schema_title = cls.__name__

    def __init__(self, uri: AnyPath = "", *, name: str = "", metadata: dict[str, Any] | None = None) -> None:
        self.name = name
        self.uri = uri
        self.metadata: dict[str, Any] = dict(metadata or {})
        self.custom_path = ""
        self._path = ""
        self._given = ""  # the URI that the engine assigned; any other URI means: by reference

    @property
    def uri(self) -> str:
        """Where the content is: a URI or a local path. Any path-like object can be assigned."""
        return self._uri

    @uri.setter
    def uri(self, uri: AnyPath) -> None:
        self._uri = _text(uri, "uri")

    @property
    def path(self) -> str:
        """Local path to read from or write to. Any path-like object can be assigned."""
        if self.custom_path:
            return self.custom_path
        if not self._path:
            self._path = _local_path(self.uri) or _new_path()
        return self._path

    @path.setter
    def path(self, path: AnyPath) -> None:
        self.set_path(path)

    def set_path(self, path: AnyPath) -> None:
        """Take the content from another local path, e.g. on a mounted disk."""
        self.custom_path = _text(path, "path")

    @property
    def artifact(self) -> Self:
        """The artifact itself, so that it can be passed to an ``InputPath``."""
        return self

    def __fspath__(self) -> str:
        return self.path

    def __repr__(self) -> str:
        return "{}(uri={!r}, name={!r})".format(type(self).__name__, self.uri, self.name)


class Dataset(Artifact):
    """Data for training or testing."""

    schema_title = "system.Dataset"


class Model(Artifact):
    """A trained model."""

    schema_title = "system.Model"

    if TYPE_CHECKING:
        framework: Any  # users' subclasses may define their own `framework`: a method, a str
    else:

        @property
        def framework(self) -> str:
            """The framework that made the model, stored in its metadata."""
            return str(self.metadata.get("framework", ""))

        @framework.setter
        def framework(self, framework: str) -> None:
            self.metadata["framework"] = framework


class TFModel(Model):
    """A TensorFlow model."""

    schema_title = "system.TFModel"


class HTML(Artifact):
    """An HTML page to display."""

    schema_title = "system.HTML"


class Markdown(Artifact):
    """A Markdown text to display."""

    schema_title = "system.Markdown"


class Metrics(Artifact):
    """Numbers by name."""

    schema_title = "system.Metrics"

    def log_metric(self, metric: str, value: float) -> None:
        """Record one number.

        >>> metrics = Metrics(); metrics.log_metric("loss", 0.5); metrics.metadata
        {'loss': 0.5}
        """
        self.metadata[metric] = value

    log = log_metric


class ClassificationMetrics(Artifact):
    """A ROC curve and a confusion matrix."""

    schema_title = "system.ClassificationMetrics"

    def log_roc_data_point(self, fpr: float, tpr: float, threshold: float) -> None:
        """Add one point to the ROC curve."""
        point = {"confidenceThreshold": threshold, "falsePositiveRate": fpr, "recall": tpr}
        self.metadata.setdefault("confidenceMetrics", []).append(point)

    def log_roc_curve(self, fpr: Sequence[float], tpr: Sequence[float], threshold: Sequence[float]) -> None:
        """Add a whole ROC curve: three sequences of equal length."""
        if not len(fpr) == len(tpr) == len(threshold):
            sizes = "{}, {} and {}".format(len(fpr), len(tpr), len(threshold))
            raise ValueError("fpr, tpr and threshold must have the same length, but have " + sizes)
        for point in zip(fpr, tpr, threshold):
            self.log_roc_data_point(*point)

    def set_confusion_matrix_categories(self, categories: Sequence[str]) -> None:
        """Start a confusion matrix filled with zeros."""
        rows = [{"row": [0] * len(categories)} for _ in categories]
        self.metadata["confusionMatrix"] = {"annotationSpecs": [{"displayName": c} for c in categories], "rows": rows}

    def _category(self, category: str) -> int:
        names = [c["displayName"] for c in self.metadata.get("confusionMatrix", {}).get("annotationSpecs", [])]
        if category not in names:
            raise ValueError("unknown category {!r}: the categories are {}".format(category, names))
        return names.index(category)

    def log_confusion_matrix_row(self, row_category: str, row: Sequence[float]) -> None:
        """Set the row of one true category."""
        place = self._category(row_category)
        rows = self.metadata["confusionMatrix"]["rows"]
        if len(row) != len(rows):
            raise ValueError("expected a row of {} values, found {}".format(len(rows), len(row)))
        rows[place] = {"row": list(row)}

    def log_confusion_matrix_cell(self, row_category: str, col_category: str, value: float) -> None:
        """Set one cell."""
        row, column = self._category(row_category), self._category(col_category)
        self.metadata["confusionMatrix"]["rows"][row]["row"][column] = value

    def log_confusion_matrix(self, categories: Sequence[str], matrix: Sequence[Sequence[float]]) -> None:
        """Set the whole matrix: one row per category."""
        if len(matrix) != len(categories):
            raise ValueError("expected {} rows, one for each category, found {}".format(len(categories), len(matrix)))
        self.set_confusion_matrix_categories(categories)
        for category, row in zip(categories, matrix):
            self.log_confusion_matrix_row(category, row)


class SlicedClassificationMetrics(Artifact):
    """Classification metrics for each slice of the data."""

    schema_title = "system.SlicedClassificationMetrics"

    def _slice(self, name: str) -> ClassificationMetrics:
        slices = self.metadata.setdefault("evaluationSlices", [])
        found = next((s for s in slices if s["slice"] == name), None)
        if found is None:
            found = {"slice": name, "sliceClassificationMetrics": {}}
            slices.append(found)
        metrics = ClassificationMetrics()
        metrics.__dict__["metadata"] = found["sliceClassificationMetrics"]
        return metrics

    def log_roc_reading(self, slice: str, threshold: float, tpr: float, fpr: float) -> None:
        """Add one point to a slice's ROC curve."""
        self._slice(slice).log_roc_data_point(fpr, tpr, threshold)

    def load_roc_readings(self, slice: str, readings: Sequence[Sequence[float]]) -> None:
        """Add points (threshold, tpr, fpr) to a slice's ROC curve."""
        for threshold, tpr, fpr in readings:
            self.log_roc_reading(slice, threshold, tpr, fpr)

    def set_confusion_matrix_categories(self, slice: str, categories: Sequence[str]) -> None:
        """Start a slice's confusion matrix."""
        self._slice(slice).set_confusion_matrix_categories(categories)

    def log_confusion_matrix_row(self, slice: str, row_category: str, row: Sequence[float]) -> None:
        """Set one row of a slice's confusion matrix."""
        self._slice(slice).log_confusion_matrix_row(row_category, row)

    def log_confusion_matrix_cell(self, slice: str, row_category: str, col_category: str, value: float) -> None:
        """Set one cell of a slice's confusion matrix."""
        self._slice(slice).log_confusion_matrix_cell(row_category, col_category, value)

    def load_confusion_matrix(self, slice: str, categories: Sequence[str], matrix: Sequence[Sequence[float]]) -> None:
        """Set the whole confusion matrix of a slice."""
        self._slice(slice).log_confusion_matrix(categories, matrix)


class PipelineTaskFinalStatus:
    """The result of an exit handler's block: ``state`` is SUCCEEDED, FAILED or CANCELLED, as in KFP."""

    def __init__(
        self,
        state: str = "",
        error_message: str = "",
        pipeline_job_resource_name: str = "",
        pipeline_task_name: str = "",
        error_code: int | None = None,
    ) -> None:
        words = {"ERROR": "FAILED", "OMITTED": "CANCELLED", "SKIPPED": "CANCELLED"}
        self.state = words.get(state.upper(), state.upper())
        self.error_message = error_message
        self.pipeline_job_resource_name = pipeline_job_resource_name
        self.pipeline_task_name = pipeline_task_name
        self.error_code = error_code


class PathOfArtifact(str):  # noqa: SLOT000  # it has an attribute of its own
    """The value of an ``InputPath`` parameter: a real ``str`` that also holds the artifact."""

    artifact: Any = None


def _text(path: Any, what: str) -> str:
    """A path as text, from anything that ``open`` takes as a path."""
    if type(path) is str:
        return path
    try:
        return os.fsdecode(path)
    except TypeError:
        raise TypeError("the {} of an artifact must be a str or a path, not {!r}".format(what, path)) from None


def _local_path(uri: str) -> str:
    if uri.startswith("file://"):
        from urllib.parse import unquote, urlsplit

        return unquote(urlsplit(uri).path)
    return uri if uri and "://" not in uri else ""


def _new_path() -> str:
    if not _state["scratch"]:
        import tempfile

        _state["scratch"] = tempfile.mkdtemp(prefix="typedpipe-")
    _state["count"] = str(int(_state["count"]) + 1)
    if _state["made"] != _state["scratch"]:
        mask = os.umask(0o077)  # the function's may forbid to write there
        try:
            os.makedirs(_state["scratch"], exist_ok=True)
        finally:
            os.umask(mask)
        _state["made"] = _state["scratch"]
    return os.path.join(_state["scratch"], _state["count"])


def get_uri(suffix: str = "") -> str:
    """A new location for an artifact that the function creates: ``Model(get_uri())`` is the same as ``Model()``.

    The name is KFP's. ``suffix`` is the file's name while the function writes it, for libraries that inspect it.

    >>> os.path.basename(get_uri("model.pt"))
    'model.pt'
    """
    path = _new_path()
    if suffix.strip("/"):
        path = os.path.join(path, suffix.strip("/"))
        os.makedirs(os.path.dirname(path), exist_ok=True)
    return path


# -------------------------------------------------------------------------------------------------- wire codec


class WireError(ValueError):
    """A value that does not match its type, or text that is not wire text. ``path`` locates it: ``cfg.layers[2]``."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__("`{}`: {}".format(path, reason))
        self.path = path
        self.reason = reason


def descriptor_key(key: str) -> str:
    """The wire name of the descriptor of an artifact, which is none of the names that engines use themselves (``_OWN``).

    >>> descriptor_key("model"), descriptor_key("path"), descriptor_key("e1")
    ('tp-model', 'tp-artifact-path', 'tp-artifact-e1')
    """
    own = key.split("-", maxsplit=1)[0] in _OWN or (key[:1] == "e" and key[1:].isdigit())
    return ("tp-artifact-" if own else "tp-") + key


def encode(value: Any, type_: Any, name: str = "value") -> str:
    """Encode a value of a type (type data, see docs/architecture.md) as wire text.

    >>> encode({"a": 1}, ["dict", "float"])
    '{"a":1.0}'
    """
    try:
        return to_text(_to_json(value, type_, name))
    except RecursionError:
        raise WireError(name, "is nested too deeply, or contains itself") from None


_canonical = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def to_text(data: Any) -> str:
    """Canonical JSON text of JSON data, free of anything that an engine could take for its own syntax."""
    try:
        text: str = _canonical(data)
    except ValueError:
        text = any_digits(lambda: _canonical(data))
    return text.replace("{" * 2, "{\\u007b").replace("$", "\\u0024").replace("\x7f", "\\u007f")


def decode(text: str, type_: Any, name: str = "value", classes: Any = None) -> Any:
    """Decode wire text. ``classes`` maps names to the classes of structs and enums.

    >>> decode('{"a":1}', ["dict", "float"])
    {'a': 1.0}
    """
    try:
        return _from_json(_parse(text, name, classes), type_, name, classes)
    except RecursionError:
        raise WireError(name, "is nested too deeply") from None


def any_digits(convert: Callable[[], Any]) -> Any:
    """Convert between text and data with integers of any length, which Python limits to 4,300 digits."""
    try:
        return convert()
    except ValueError as error:
        if "integer string conversion" not in str(error):
            raise
    limit = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        return convert()
    finally:
        sys.set_int_max_str_digits(limit)


def _loaded(text: str) -> Any:
    return any_digits(lambda: json.loads(text))


class _Constant(Exception):
    """``NaN`` and other constants that JSON does not have."""


def _refuse(constant: str) -> NoReturn:
    raise _Constant(constant)


_parsed = json.JSONDecoder(parse_constant=_refuse).decode


ERROR = "error TP"  # no wire text begins so, but that of a value whose expression failed


def read_json(text: str, name: str) -> Any:
    """JSON data of wire text, with its operations as they are."""
    if text.startswith(ERROR):
        raise WireError(name, text)
    try:
        try:
            return _parsed(text)
        except json.JSONDecodeError:
            raise
        except ValueError:
            return any_digits(lambda: _parsed(text))
    except _Constant as constant:
        raise WireError(name, "`{}` is not JSON".format(constant)) from None
    except json.JSONDecodeError as error:
        raise WireError(name, "is not JSON ({}): {}".format(error, _clip(text))) from None


def _parse(text: str, name: str, classes: Any) -> Any:
    data = read_json(text, name)
    return _evaluate(data, name, classes) if 'tp"' in text else data


def _evaluate(data: Any, name: str, classes: Any) -> Any:
    if isinstance(data, list):
        return [_evaluate(item, name, classes) for item in data]
    if not isinstance(data, dict):
        return data
    if "$tp" not in data:
        return {key: _evaluate(item, name, classes) for key, item in data.items()}
    try:
        operation = data["$tp"]
        if operation[0] == "object":
            fields = {key: _evaluate(item, name, classes) for key, item in data.items() if key != "$tp"}
            return Sent(fields, *_evaluate(operation[1:], name, classes))
        return _OPERATIONS[operation[0]](name, classes, *operation[1:])
    except WireError:
        raise
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        detail = "{}: {}".format(type(error).__name__, error)
        raise WireError(name, "cannot be evaluated from {} ({})".format(_clip(str(data)), detail)) from None


def _format(name: str, classes: Any, parts: list[Any]) -> str:
    out = []
    for part in parts:
        if isinstance(part, str):
            out.append(part)
            continue
        data, type_, spec, conversion, *rest = part
        out.append(_formatted(_evaluate(data, name, classes), spec, conversion, type_, *rest))
    return "".join(out)


def _formatted(
    data: Any, spec: str = "", conversion: str = "", type_: Any = "any", escapes: str = "", table: Any = None
) -> str:
    """The text of a value in an f-string."""
    value = _from_json(data, type_, "value", _AS_TEXT)
    convert: Any = {"r": repr, "s": str, "a": ascii}.get(conversion)
    text: str | None = table.get(to_text(data)) if table else None
    if text is None:
        text = format(convert(value) if convert else value, spec)
    for escape in escapes:
        text = json.dumps(text, ensure_ascii=escape == "a")[1:-1]
    return text


_AS_TEXT = {"": None}  # in place of classes: values are read for their text, which does not depend on who has the class


class _Shown:
    """An object of a class with fields, or a member of an enum, where only its text is needed."""

    def __init__(self, shown: str, text: str) -> None:
        self.shown = shown
        self.text = text

    def __repr__(self) -> str:
        return self.shown

    def __str__(self) -> str:
        return self.text

    def __format__(self, spec: str) -> str:
        return format(self.text, spec)


def _shown_struct(values: dict[str, Any], type_: Any) -> Any:
    if type_[2] in ("typeddict", "literal"):
        return values
    fields = ["{}={!r}".format(name, value) for name, value in values.items()]
    shown = "{}({})".format(class_name(type_[1]), ", ".join(fields))
    return _Shown(shown, " ".join(fields) if type_[2] == "pydantic" else shown)


def _shown_member(data: Any, type_: Any, member: str) -> Any:
    name = class_name(type_[1]) + "." + member
    return _Shown("<{}: {!r}>".format(name, data), name)


def _field(name: str, classes: Any, data: Any, key: Any) -> Any:
    value = _evaluate(data, name, classes)
    if isinstance(value, dict) and key in value:
        return value[key]
    if (
        isinstance(value, list)
        and isinstance(key, int)
        and not isinstance(key, bool)
        and -len(value) <= key < len(value)
    ):
        return value[key]
    raise WireError(name, "there is no {} in {}".format(_clip(repr(key)), _clip(to_text(value))))


def _default(name: str, classes: Any, data: Any, default: Any) -> Any:
    value = _evaluate(data, name, classes)
    return _evaluate(default, name, classes) if value is None else value


def _given(name: str, classes: Any, states: list[str], value: Any, default: Any) -> Any:
    """A value that needs other tasks: the default unless they all succeeded, whatever the value is."""
    return _evaluate(value if all(s == "Succeeded" for s in states) else default, name, classes)


def _entries(name: str, classes: Any, items: Any) -> list[Any]:
    """Entries of a list, each as it is on the wire: a str is text that is still to be parsed."""
    return items if isinstance(items, list) else _evaluate(items, name, classes)


def _unbox(name: str, classes: Any, item: Any) -> Any:
    if isinstance(item, str):
        item = read_json(item, name)  # a box has text inside; other JSON text is what an engine should have decoded
        if isinstance(item, str):
            return _parse(item, name, classes)
    if isinstance(item, list):
        return [_unbox(name, classes, inner) for inner in item]
    return _evaluate(item, name, classes)


def _keyed(companion: Any, key: str) -> Any:
    if isinstance(companion, list):
        return [_keyed(c, key + "/" + (c or {}).get("key", "") if isinstance(c, dict) else key) for c in companion]
    return dict(companion, key=key) if companion else companion


_OPERATIONS: dict[str, Callable[..., Any]] = {
    "float": lambda name, classes, text: {"nan": float("nan"), "inf": float("inf"), "-inf": float("-inf")}[text],
    "quote": lambda name, classes, data: {k: _evaluate(v, name, classes) for k, v in data.items()},
    "format": _format,
    "field": _field,
    "index": lambda name, classes, data, key: _field(name, classes, data, _evaluate(key, name, classes)),
    "default": _default,
    "given": _given,
    "item": lambda name, classes, code: _parse(item_wire(code), name, classes),
    "argument": lambda name, classes, argument, type_, text: read_argument(text, type_, argument),
    "collected": lambda name, classes, items: [
        _parse(i, name, classes) if isinstance(i, str) else _evaluate(i, name, classes)
        for i in _entries(name, classes, items)
    ],
    "boxed": lambda name, classes, items: [_unbox(name, classes, i) for i in _entries(name, classes, items)],
    "keyed": lambda name, classes, items: [
        _keyed(_evaluate(c, name, classes), str(i)) for i, c in enumerate(_evaluate(items, name, classes))
    ],
}


def _clip(text: str) -> str:
    return text if len(text) <= 80 else text[:77] + "..."


def show(type_: Any) -> str:
    """A type in the user's notation.

    >>> show(["union", [["list", "int"], "null"]])
    'list[int] | None'
    """
    if isinstance(type_, str):
        return {"any": "Any", "null": "None", "status": "PipelineTaskFinalStatus"}.get(type_, type_)
    kind = type_[0]
    if kind == "list":
        return "list[" + show(type_[1]) + "]"
    if kind == "dict":
        return "dict[str, " + show(type_[1]) + "]"
    if kind == "literal":
        return "Literal[" + ", ".join(repr(_loaded(v)) for v in type_[1]) + "]"
    if kind == "union":
        return " | ".join(map(show, type_[1]))
    head, bracket, arguments = str(type_[1]).partition("[")
    return class_name(head) + bracket + arguments


def _expected(type_: Any, value: Any, path: str) -> WireError:
    shown = "" if value is None else " " + _clip(repr(value))
    found = "None" if value is None else type(value).__name__
    return WireError(path, "expected `{}`, found `{}`{}".format(show(type_), found, shown))


def _scalar(value: Any, kind: str, path: str) -> Any:
    text: Any = value
    if not isinstance(value, _KINDS[kind]) or (kind != "bool" and isinstance(value, bool)):  # type: ignore[arg-type]  # one class or a tuple of them
        raise _expected(kind, value, path)
    if kind == "str":
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise WireError(path, "contains a lone surrogate, which cannot be encoded: " + ascii(value)) from None
    if kind == "float":
        try:
            return float(value)
        except OverflowError:
            raise WireError(path, "an int is too large for a `float`") from None
    return value


def _to_json(value: Any, type_: Any, path: str, exact: bool = False) -> Any:
    """Convert a value to JSON data. With ``exact``, an int is not a ``float``: see ``_member``."""
    if getattr(value, "ndim", None) == 0 and hasattr(value, "dtype") and hasattr(value, "item"):
        value = value.item()  # a scalar of numpy or torch
    kind = type_ if isinstance(type_, str) else type_[0]
    if kind in _KINDS:
        if exact and kind == "float" and not isinstance(value, float):
            raise _expected(type_, value, path)
        value = _scalar(value, kind, path)
        return _finite(value) if kind == "float" else value
    if kind == "null" and value is None:
        return None
    writer = _WRITERS.get(kind)
    if writer is None:
        raise _expected(type_, value, path)
    return writer(value, type_, path, exact)


def _finite(value: float) -> Any:
    if value - value == 0:
        return value
    return {"$tp": ["float", "nan" if str(value) == "nan" else "inf" if value > 0 else "-inf"]}


def _write_any(value: Any, type_: Any, path: str, exact: bool = False) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if "enum" in sys.modules and isinstance(value, sys.modules["enum"].Enum):
        return _write_any(value.value, type_, path)
    for kind, classes in (("str", str), ("int", int), ("float", float), ("datetime", ()), ("list", (list, tuple))):
        if kind == "datetime" and type(value).__name__ == "datetime":
            return _write_datetime(value, kind, path)
        if isinstance(value, classes):
            return _to_json(value, kind if kind != "list" else ["list", "any"], path)
    if isinstance(value, dict):
        return _write_dict(value, ["dict", "any"], path)
    layout = None if isinstance(value, type) else layout_of(type(value))
    if layout is None:
        shown = _clip(repr(value))
        raise WireError(path, "`{}` is not supported as a parameter: {}".format(type(value).__name__, shown))
    given = layout.fields(value)
    out = {name: _write_any_field(item, layout, name, path + "." + name) for name, item in given.items()}
    return _marked(out, layout.mark(value, given, path))


def _write_any_field(value: Any, layout: Layout, name: str, path: str) -> Any:
    try:
        return _to_json(value, "any", path)
    except WireError:
        codec = layout.foreign(name)
        if codec is None:
            raise
        return write_foreign(value, codec, path)


def _write_datetime(value: Any, type_: Any, path: str, exact: bool = False) -> str:
    from datetime import datetime, timezone

    if not isinstance(value, datetime):
        raise _expected(type_, value, path)
    if value.tzinfo is None:
        raise WireError(
            path, "a datetime requires a time zone, such as datetime(..., tzinfo=timezone.utc): " + repr(value)
        )
    try:
        return value.astimezone(timezone.utc).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
    except OverflowError:
        raise WireError(path, "is outside the years 1 to 9999 in UTC") from None


def _write_list(value: Any, type_: Any, path: str, exact: bool = False) -> Any:
    if not isinstance(value, (list, tuple)):
        raise _expected(type_, value, path)
    return [_to_json(item, type_[1], "{}[{}]".format(path, i), exact) for i, item in enumerate(value)]


def quoted(data: dict[str, Any]) -> dict[str, Any]:
    return {"$tp": ["quote", data]} if "$tp" in data else data


def _marked(data: dict[str, Any], mark: Any) -> dict[str, Any]:
    return quoted(data) if mark is None else dict(data, **{"$tp": ["object", *mark]})


def _write_dict(value: Any, type_: Any, path: str, exact: bool = False) -> Any:
    if not isinstance(value, dict):
        raise _expected(type_, value, path)
    out = {}
    for key, item in value.items():
        if not isinstance(key, str):
            raise WireError(path, "dict keys must be `str`, found `{}` {!r}".format(type(key).__name__, key))
        out[_scalar(key, "str", path)] = _to_json(item, type_[1], "{}[{!r}]".format(path, key), exact)
    return _marked(out, value.mark(path)) if isinstance(value, Sent) else quoted(out)


def _write_struct(value: Any, type_: Any, path: str, exact: bool = False) -> Any:
    _, name, form, fields = type_[:4]
    if form in ("typeddict", "literal"):
        if not isinstance(value, dict):
            raise _expected(type_, value, path)
        return quoted(_each_field(value, type_, path, lambda item, t, p, _: _to_json(item, t, p, exact)))
    if form == "namedtuple" and type(value) is tuple and len(value) == len(fields):
        given = {field[0]: item for field, item in zip(fields, value)}
        return _each_field(given, type_, path, lambda item, t, p, _: _to_json(item, t, p, exact))
    layout = layout_of(type(value)) if type(value).__name__ == class_name(name) else None
    if layout is None:
        raise _expected(type_, value, path)
    given = layout.fields(value)

    def convert(item: Any, inner: Any, place: str, name: str) -> Any:
        codec = layout.codec(name) if inner == "any" and form == "pydantic" else None
        return _to_json(item, inner, place, exact) if codec is None else write_foreign(item, codec, place)

    return _marked(_each_field(given, type_, path, convert, True), layout.mark(value, given, path))


def _each_field(
    given: dict[str, Any], type_: Any, path: str, convert: Callable[..., Any], whole: bool = False
) -> dict[str, Any]:
    """Convert each field. Only the ``whole`` state of an object has the fields that its constructor does not take."""
    out = {}
    for field in type_[3]:
        name = field[0]
        if name in given and (whole or len(field) == 3):
            out[name] = convert(given[name], field[1], path + "." + name, name)
        elif field[2]:
            raise WireError(path, "`{}` requires the field `{}`".format(show(type_), name))
    if len(out) < len(given):
        unknown = next(name for name in given if name not in out)
        raise WireError(path, "`{}` has no field `{}`".format(show(type_), unknown))
    return out


def _write_literal(value: Any, type_: Any, path: str, exact: bool = False) -> Any:
    for text in type_[1]:
        choice = _loaded(text)
        if type(choice) is type(value) and choice == value:
            return choice
    raise _expected(type_, value, path)


def _write_enum(value: Any, type_: Any, path: str, exact: bool = False) -> Any:
    if type(value).__name__ == class_name(type_[1]):
        for member, text in type_[2]:
            if getattr(value, "name", None) == member and to_text(_write_any(value.value, "any", path)) == text:
                return _loaded(text)
        if _is_flag(type(value)):
            return _write_any(value.value, "any", path)
    raise _expected(type_, value, path)


def _is_flag(cls: Any) -> bool:
    """Whether combinations of the enum's members are values of it, too."""
    return "enum" in sys.modules and isinstance(cls, type) and issubclass(cls, sys.modules["enum"].Flag)


def _member(value: Any, type_: Any, path: str, convert: Callable[[Any, str, bool], Any], exact: bool) -> Any:
    """Convert by the member of a union that takes the value as it is; if none does, by the first that converts it.

    So a float stays a float for ``int | float``, and a list of ints a list of ints for ``list[float] | list[int]``.
    """
    deepest = _expected(type_, value, path)
    for only in (True,) if exact else (True, False):
        for member in type_[1]:
            try:
                return convert(member, path, only)
            except WireError as error:
                if len(error.path) > len(deepest.path):
                    deepest = error
    raise deepest


_WRITERS: dict[str, Callable[[Any, Any, str, bool], Any]] = {
    "any": _write_any,
    "datetime": _write_datetime,
    "list": _write_list,
    "dict": _write_dict,
    "struct": _write_struct,
    "literal": _write_literal,
    "enum": _write_enum,
    "union": lambda value, type_, path, exact: _member(
        value, type_, path, lambda t, p, only: _to_json(value, t, p, only), exact
    ),
}


def _from_json(data: Any, type_: Any, path: str, classes: Any, exact: bool = False) -> Any:
    kind = type_ if isinstance(type_, str) else type_[0]
    if kind in _KINDS:
        if exact and kind in _NUMBERS and type(data) is not _NUMBERS[kind]:
            raise _expected(kind, data, path)
        if kind == "int" and type(data) is float and data == data // 1 and abs(data) < 2.0**53:
            data = int(data)  # engines that compute in doubles write 3 as 3.0
        return _scalar(data, kind, path)
    if kind == "null" and data is None:
        return None
    reader = _READERS.get(kind)
    if reader is None:
        raise _expected(type_, data, path)
    return reader(data, type_, path, classes, exact)


_NUMBERS = {"int": int, "float": float}


def _read_any(data: Any, type_: Any, path: str, classes: Any, exact: bool) -> Any:
    """Plain data. Only a task, which has the classes, sees an object as a plain dict."""
    if classes is None or not isinstance(data, (list, dict)):
        return data
    if isinstance(data, list):
        return [_read_any(item, type_, path, classes, exact) for item in data]
    return {key: _read_any(item, type_, path, classes, exact) for key, item in data.items()}


def _read_datetime(data: Any, type_: Any, path: str, classes: Any, exact: bool) -> Any:
    from datetime import datetime, timezone

    try:
        main, _, fraction = data.replace(" ", "T").replace("Z", "+00:00").partition(".")
        digits = fraction[: len(fraction) - len(fraction.lstrip("0123456789"))]
        value = datetime.fromisoformat(
            main + ("." + digits[:6].ljust(6, "0") + fraction[len(digits) :] if digits else "")
        )
        return (value if value.tzinfo else value.replace(tzinfo=timezone.utc)).astimezone(timezone.utc)
    except (ValueError, AttributeError, OverflowError):
        raise _expected(type_, data, path) from None


def _read_list(data: Any, type_: Any, path: str, classes: Any, exact: bool) -> Any:
    if not isinstance(data, list):
        raise _expected(type_, data, path)
    return [_from_json(item, type_[1], "{}[{}]".format(path, i), classes, exact) for i, item in enumerate(data)]


def _read_dict(data: Any, type_: Any, path: str, classes: Any, exact: bool) -> Any:
    if not isinstance(data, dict):
        raise _expected(type_, data, path)
    read = {k: _from_json(v, type_[1], "{}[{!r}]".format(path, k), classes, exact) for k, v in data.items()}
    return data.like(read) if isinstance(data, Sent) and classes is None else read


def _read_struct(data: Any, type_: Any, path: str, classes: Any, exact: bool) -> Any:
    sent = data if isinstance(data, Sent) else None
    if not isinstance(data, dict) or (sent is not None and sent.name != class_name(type_[1])):
        raise _expected(type_, data, path)
    as_text = classes is _AS_TEXT
    cls = None if as_text or type_[2] in ("typeddict", "literal") else find_class(classes, type_[1])
    layout = layout_of(cls) if sent is not None and isinstance(cls, type) else None

    def read(item: Any, inner: Any, place: str, name: str) -> Any:
        return _from_json(item, inner, place, classes, exact)

    def read_own(item: Any, inner: Any, place: str, name: str) -> Any:
        codec = layout.codec(name) if inner == "any" and layout is not None else None
        return read(item, inner, place, name) if codec is None else _read_foreign(item, codec, place)

    values = _each_field(data, type_, path, read if layout is None else read_own, sent is not None)
    if as_text:
        return _shown_struct(values, type_)
    if cls is None:
        return sent.like(values) if sent is not None else values
    try:
        if layout is not None and sent is not None:
            return layout.restored(values, sent)
        if type_[2] == "pydantic":
            rename = _init_names(cls)
            values = {rename.get(name, name): value for name, value in values.items()}
        return cls(**values)
    except Exception as error:  # whatever the user's own validation raises
        raise WireError(path, "`{}` rejects the value: {}".format(show(type_), error)) from error


def class_name(name: str) -> str:
    """The name of the class in the name of a type: ``Box`` for ``shapes:Outer.Box[int]``."""
    return name.partition("[")[0].replace(":", ".").rsplit(".", 1)[-1]


def _read_literal(data: Any, type_: Any, path: str, classes: Any, exact: bool) -> Any:
    return _write_literal(data, type_, path)


def _read_enum(data: Any, type_: Any, path: str, classes: Any, exact: bool) -> Any:
    text = to_text(_to_json(data, "any", path))  # as the type writes the values of members: with tags
    cls = None if classes is _AS_TEXT else find_class(classes, type_[1])
    for member, wire in type_[2]:
        if wire == text:
            if classes is _AS_TEXT:
                return _shown_member(data, type_, member)
            return data if cls is None else cls[member]
    try:
        if isinstance(data, int) and (cls is None or _is_flag(cls)):
            return data if cls is None else cls(data)
    except ValueError:
        pass
    raise _expected(type_, data, path)


_READERS: dict[str, Callable[[Any, Any, str, Any, bool], Any]] = {
    "any": _read_any,
    "datetime": _read_datetime,
    "list": _read_list,
    "dict": _read_dict,
    "struct": _read_struct,
    "literal": _read_literal,
    "enum": _read_enum,
    "union": lambda data, type_, path, classes, exact: _member(
        data, type_, path, lambda t, p, only: _from_json(data, t, p, classes, only), exact
    ),
}


# ------------------------------------------------------------------------------------------------------- objects


class Sent(dict):  # type: ignore[type-arg]  # Python 3.8 cannot subscript dict
    """Fields of an object on the wire, with the rest of its state: it is rebuilt without its constructor."""

    def __init__(self, fields: Any, name: Any, more: Any = None, given: Any = None) -> None:
        super().__init__(fields)
        if not isinstance(name, str) or not isinstance(more or {}, dict) or not isinstance(given or [], list):
            raise TypeError("not the state of an object")
        self.name: str = name
        self.more: dict[str, Any] = more or {}
        self.given: list[str] | None = given

    def like(self, fields: dict[str, Any]) -> Sent:
        return Sent(fields, self.name, self.more, self.given)

    def mark(self, path: str) -> list[Any]:
        return mark_of(self.name, _write_any(self.more, "any", path), self.given)


def mark_of(name: str, more: dict[str, Any], given: list[str] | None) -> list[Any]:
    return [name, more, given] if given is not None else [name, more] if more else [name]


class Layout:
    """State of the objects of a dataclass: fields, and other attributes. ``plain`` classes only assign their fields."""

    def __init__(self, cls: Any, names: Sequence[str], plain: bool) -> None:
        self.cls = cls
        self.names = names
        self.plain = plain
        self.known = frozenset(names)
        self.slots: list[str] = []
        if tuple not in cls.__mro__:
            import copyreg

            self.slots = [name for name in copyreg._slotnames(cls) if name not in self.known]  # type: ignore[attr-defined]  # pickle uses it, too

    def codec(self, name: str) -> Any:
        """The pydantic adapter of a field that typedpipe has no type for."""
        return None

    def foreign(self, name: str) -> Any:
        """The same, if the annotation alone says that only pydantic can write the values."""
        return None

    def fields(self, value: Any) -> dict[str, Any]:
        try:
            return {name: getattr(value, name) for name in self.names}
        except AttributeError:  # a field that the constructor does not take, and that nobody set
            return {name: getattr(value, name) for name in self.names if hasattr(value, name)}

    def more(self, value: Any) -> dict[str, Any]:
        """Attributes that are not fields; a ``cached_property`` is computed again."""
        state = getattr(value, "__dict__", {})
        if state.keys() <= self.known and not self.slots:
            return {}
        names = [*state, *(name for name in self.slots if hasattr(value, name))]
        names = [n for n in names if n not in self.known and n != "__orig_class__" and not _is_computed(self.cls, n)]
        return {name: getattr(value, name) for name in names}

    def mark(self, value: Any, given: dict[str, Any], path: str) -> list[Any] | None:
        """The part of the state that is not a field; None if the constructor makes the object from its fields."""
        more = self.more(value)
        if more:
            more = {name: _attribute(item, self.cls, name, path) for name, item in more.items()}
        return None if self.plain and not more else mark_of(self.cls.__name__, quoted(more), None)

    def restored(self, fields: dict[str, Any], sent: Sent) -> Any:
        made = object.__new__(self.cls)
        for name, value in dict(sent.more, **fields).items():
            object.__setattr__(made, name, value)
        return made


class _TupleLayout(Layout):
    """State of the objects of a NamedTuple."""

    def restored(self, fields: dict[str, Any], sent: Sent) -> Any:
        made = tuple.__new__(self.cls, [fields[name] for name in self.names])
        if sent.more:
            made.__dict__.update(sent.more)
        return made


class _ModelLayout(Layout):
    """State of the objects of a pydantic model: fields, private attributes, extra fields, and which fields were set."""

    def __init__(self, cls: Any, names: Sequence[str], plain: bool) -> None:
        super().__init__(cls, names, plain)
        self._codecs: dict[str, Any] = {}

    def codec(self, name: str) -> Any:
        if name not in self._codecs:
            field = self.cls.model_fields.get(name)
            annotation = getattr(field, "annotation", None)
            known = field is None or getattr(annotation, "_name", None) == "Any" or str(annotation) == "typing.Any"
            self._codecs[name] = None if known else adapter(annotation)
        return self._codecs[name]

    def foreign(self, name: str) -> Any:
        field = self.cls.model_fields.get(name)
        return self.codec(name) if field is not None and _is_foreign(field.annotation) else None

    def fields(self, value: Any) -> dict[str, Any]:
        state = dict(value.__dict__, **(value.__pydantic_private__ or {}))
        return {name: state[name] for name in self.names if name in state}

    def more(self, value: Any) -> dict[str, Any]:
        private = {k: v for k, v in (value.__pydantic_private__ or {}).items() if k not in self.names}
        return dict(value.__pydantic_extra__ or {}, **private)

    def mark(self, value: Any, given: dict[str, Any], path: str) -> list[Any] | None:
        mark = super().mark(value, given, path)
        public = [name for name in given if name in self.cls.model_fields]
        given_names = [name for name in public if name in value.__pydantic_fields_set__]
        if mark is None and given_names == public:
            return None
        name, more = mark[0] if mark else self.cls.__name__, mark[1] if mark and len(mark) > 1 else {}
        return mark_of(name, more, None if given_names == public else given_names)

    def restored(self, fields: dict[str, Any], sent: Sent) -> Any:
        made = self.cls.__new__(self.cls)
        private = getattr(self.cls, "__private_attributes__", {})
        extra = {name: value for name, value in sent.more.items() if name not in private}
        public = {name: value for name, value in fields.items() if name in self.cls.model_fields}
        own = {n: v for n, v in dict(sent.more, **fields).items() if n in private}
        sys.modules["pydantic"].BaseModel.__setstate__(
            made,
            {
                "__dict__": public,
                "__pydantic_extra__": extra if self.cls.model_config.get("extra") == "allow" else None,
                "__pydantic_fields_set__": set(public if sent.given is None else sent.given) | set(extra),
                "__pydantic_private__": own if private else None,
            },
        )
        return made


def _is_foreign(annotation: Any) -> bool:
    """Whether an annotation names a class that is neither JSON's nor one with fields, such as a date or a set."""
    origin: Any = getattr(annotation, "__origin__", None)
    args: Sequence[Any] = getattr(annotation, "__args__", ())
    name = getattr(origin or annotation, "__name__", "")
    if name == "Literal" or (isinstance(annotation, type) and not args and _is_flat(annotation)):
        return False
    if isinstance(origin or annotation, type) and name not in _CONTAINERS:
        return True
    return any(map(_is_foreign, args)) or (name == "dict" and len(args) == 2 and args[0] is not str)


def _is_flat(cls: Any) -> bool:
    known = cls in (int, float, str, bool, type(None)) or cls.__name__ == "datetime" or layout_of(cls) is not None
    return known or hasattr(cls, "__required_keys__") or hasattr(cls, "__members__")


_CONTAINERS = ("list", "dict", "Sequence", "Mapping", "MutableSequence", "MutableMapping", "Iterable", "Collection", "UnionType",
               "Union")  # fmt: skip


def _is_computed(cls: Any, name: str) -> bool:
    return type(getattr(cls, name, None)).__name__ == "cached_property"


def _attribute(value: Any, cls: Any, name: str, path: str) -> Any:
    """JSON data of an attribute that is not a field. It has no type, so it must be plain data."""
    if not _is_plain(value):
        reason = (
            "`{}` is not a field of `{}`, and only plain data in it can be passed on, not `{}`: declare it as a field"
        )
        raise WireError(
            path, (reason + ", or make it a `functools.cached_property`").format(name, cls.__name__, _clip(repr(value)))
        )
    return _to_json(value, "any", path + "." + name)


def _is_plain(value: Any) -> bool:
    if type(value) in (list, dict):
        return all(map(_is_plain, value)) and (type(value) is list or all(map(_is_plain, value.values())))
    return value is None or type(value) in (bool, int, float, str)


_layouts: dict[Any, Layout | None] = {}


def layout_of(cls: Any) -> Layout | None:
    """The layout of a dataclass, NamedTuple or pydantic model; None for other classes.

    >>> layout_of(int) is None
    True
    """
    if cls not in _layouts:
        if len(_layouts) > 500:  # a process may load the classes of many tasks
            _layouts.clear()
        _layouts[cls] = _new_layout(cls)
    return _layouts[cls]


def _new_layout(cls: Any) -> Layout | None:
    if tuple in cls.__mro__ and hasattr(cls, "_fields"):
        return _TupleLayout(cls, cls._fields, _is_generated(cls.__new__) and cls.__init__ is object.__init__)
    pydantic = sys.modules.get("pydantic")
    if pydantic is not None and issubclass(cls, getattr(pydantic, "BaseModel", ())):
        private = getattr(cls, "__private_attributes__", {})
        hints = [n for base in reversed(cls.__mro__) for n in getattr(base, "__annotations__", ()) if n in private]
        names = list(dict.fromkeys([*cls.model_fields, *hints]))
        return _ModelLayout(cls, names, not private and _assigns_only(cls))
    if not hasattr(cls, "__dataclass_fields__"):
        return None
    fields = sys.modules["dataclasses"].fields(cls)
    plain = (
        all(field.init for field in fields)
        and not hasattr(cls, "__post_init__")
        and _is_generated(cls.__init__)
        and cls.__init__.__code__.co_argcount + cls.__init__.__code__.co_kwonlyargcount == len(fields) + 1  # no InitVar
        and cls.__new__ is object.__new__
        and (cls.__setattr__ is object.__setattr__ or _is_generated(cls.__setattr__))
    )
    return Layout(cls, [field.name for field in fields], plain)


def _is_generated(function: Any) -> bool:
    """Whether ``dataclasses`` or ``collections`` made a method: they compile text that is in no file."""
    return bool(getattr(getattr(function, "__code__", None), "co_filename", "") == "<string>")


_ASSIGNS = frozenset((
    "any", "bool", "datetime", "default", "definitions", "dict", "enum", "float", "int", "list", "literal",
    "model", "model-field", "model-fields", "none", "nullable", "str", "tagged-union", "typed-dict", "typed-dict-field", "union",
))  # fmt: skip


def _assigns_only(cls: Any) -> bool:
    """Whether a model that validates its own fields leaves them as they are: no validators, no types of pydantic's own."""
    config = cls.model_config
    if config.get("extra") == "allow" or config.get("revalidate_instances", "never") != "never":
        return False
    own = [base.__dict__ for base in cls.__mro__[:-1] if not base.__module__.startswith(("pydantic.", "typing"))]
    if any("__init__" in names or "__new__" in names for names in own) or cls.__pydantic_post_init__:
        return False
    pending: list[Any] = [getattr(cls, "__pydantic_core_schema__", None)]
    if not isinstance(pending[0], dict):
        return False
    for schema in pending:  # grows
        if isinstance(schema, dict):
            kind = schema.get("type")
            if isinstance(kind, str) and kind in ("model", "dataclass") and schema.get("cls") is not cls:
                continue  # its objects are taken as they are
            if isinstance(kind, str) and (kind not in _ASSIGNS or _chooses_classes(schema)):
                return False
            pending += [v for k, v in schema.items() if k not in ("serialization", "metadata", "default", "config")]
        elif isinstance(schema, (list, tuple)):
            pending += schema
    return True


def _chooses_classes(schema: Any) -> bool:
    """Whether pydantic chooses between classes, where a dict might become one of them."""
    return schema.get("type") in ("union", "tagged-union") and "'cls':" in str(schema.get("choices"))


def _init_names(cls: Any) -> dict[str, str]:
    """The names by which the constructor of a pydantic model takes its fields, where they are not the fields' own."""
    names = {}
    for name, field in cls.model_fields.items():
        alias = field.validation_alias if field.validation_alias is not None else field.alias
        choices = getattr(alias, "choices", None) or [alias]
        text = next((choice for choice in choices if isinstance(choice, str)), None)
        if text is not None:
            names[name] = text
    return names


def adapter(annotation: Any) -> Any:
    """Pydantic's reader and writer of a type of its own, such as a date, a set or a URL, as JSON."""
    pydantic = sys.modules["pydantic"]
    config = {"ser_json_bytes": "base64", "val_json_bytes": "base64", "ser_json_inf_nan": "constants"}
    try:
        return pydantic.TypeAdapter(annotation, config=config)
    except pydantic.PydanticUserError:  # a class with a configuration of its own
        return pydantic.TypeAdapter(annotation)


def write_foreign(value: Any, codec: Any, path: str) -> Any:
    """JSON data of a value as pydantic writes it, if it reads the same value from it."""
    back = None
    for unset in (True, False):  # first without the fields that were not set, so that they are not set again
        try:
            text = codec.dump_json(value, by_alias=True, round_trip=True, exclude_unset=unset, warnings=False)
            back = _validated(codec, text)
        except Exception as error:  # whatever the user's own types raise
            raise WireError(path, "pydantic cannot write it as JSON and read it again: {}".format(error)) from error
        same = back == value or (b"NaN" in text and repr(back) == repr(value))  # `nan` is not equal to itself
        if type(back) is type(value) and same:
            return _to_json(_loaded(text), "any", path)
    raise WireError(path, "pydantic would read {} as {}".format(_clip(repr(value)), _clip(repr(back))))


def _validated(codec: Any, text: Any) -> Any:
    try:
        return codec.validate_json(text, by_alias=True, by_name=True)
    except TypeError:  # before pydantic 2.11
        return codec.validate_json(text)


def _read_foreign(data: Any, codec: Any, path: str) -> Any:
    try:
        return _validated(codec, json.dumps(_read_any(data, "any", path, {}, False)))
    except ValueError as error:
        raise WireError(path, "pydantic rejects the value: {}".format(error)) from error


def find_class(classes: Any, name: str) -> Any:
    """Look up the class of a type: in the module before ``:``, then in a mapping of names, in full or by its last part."""
    module, _, dotted = name.partition("[")[0].rpartition(":")  # `Box[int]` is a `Box`
    home = module and (sys.modules.get(MODULE + "." + module) or sys.modules.get(module))
    for space in (getattr(home, "__dict__", {}), classes or {}):
        for path in (dotted.rsplit("<locals>.", 1)[-1], class_name(dotted)):
            first, *rest = path.split(".")
            found = space.get(first)
            for part in rest:
                found = getattr(found, part, None)
            if isinstance(found, type) or callable(found):
                return found
    return None


# ---------------------------------------------------------------------------------------------------------- asks


ITEM_CODES = (("~", "~t"), ("'", "~a"), ("\\", "~b"), ('"', "'"))


def item_code(wire: str) -> str:
    r"""Wire text as an item of a loop: no character that JSON escapes, and no JSON, which engines would decode.

    >>> print(item_code(r'["a~","\n"]'))
    ~['a~t','~bn']
    """
    for plain, code in ITEM_CODES:
        wire = wire.replace(plain, code)
    return "~" + wire if wire[:1] in ("[", "{") else wire


def item_wire(code: str) -> str:
    """Wire text of an item of a loop."""
    if code[:2] in ("~[", "~{"):
        code = code[1:]
    for plain, coded in reversed(ITEM_CODES):
        code = code.replace(coded, plain)
    return code


def order_key(value: Any, side: str) -> str:
    """Text of a scalar: two are equal, or ordered byte by byte, as their values are in Python.

    ``side`` is the operand and the operator, such as ``left<``: every comparison with nan is false, but for ``!=``.
    """
    if value is None:
        return "n"
    if isinstance(value, str):
        return "s" + value.encode("utf-8").hex()
    if not isinstance(value, (int, float)):
        return "d" + _write_datetime(value, "datetime", "value")
    if str(value) == "nan":
        return ("~" if (side[:4] == "left") == ("<" in side) else "!") + side[:4]
    if value - value != 0:
        return "3" if value > 0 else "/"
    from decimal import Decimal

    sign, digits, exponent = Decimal(value).as_tuple()
    text = "".join(map(str, digits)).lstrip("0")
    size = 10**9 + int(exponent) + len(text)
    text = text.rstrip("0")
    if not text:
        return "1"
    if not sign:
        return "2{:010d}{}".format(size, text)
    return "0{:010d}{}~".format(10**10 - size, "".join(str(9 - int(digit)) for digit in text))


class BadArgument(WireError):
    """An argument of a run that is not of the type of its parameter."""


TRUE = ("true", "yes", "on", "1")
FALSE = ("false", "no", "off", "0")


def read_argument(text: str, type_: Any, name: str) -> Any:
    """The value of a run's argument as text: one rule for kubectl, user interfaces and the command line.

    ``="…"`` is the text in the JSON string, which can hide what an engine takes for its own syntax.

    >>> read_argument("3", "float", "x"), read_argument("true", ["union", ["bool", "str"]], "x")
    (3.0, True)
    """
    if text[:2] == '="' and text[-1:] == '"':
        try:
            text = _parsed(text[1:])
        except ValueError:
            pass  # a user's own text that begins so
    try:
        value = _from_json(_read_text(text, type_), type_, name, None)
        return _evaluate(_to_json(value, "any", name), name, None)
    except (ValueError, RecursionError):
        raise BadArgument(name, "expected `{}`, found {}".format(show(type_), _clip(repr(text)))) from None


class _Typed(float):
    """A float that somebody wrote as one: 3.0 is no int."""


def _read_text(text: str, type_: Any) -> Any:
    kind = type_ if isinstance(type_, str) else type_[0]
    if kind == "union":
        members = [member for member in type_[1] if member != "null"]
        if text == "null" and len(members) < len(type_[1]) and members != ["str"]:
            return None
        turns = {"float": 1, "bool": 2, "str": 3}  # they take what others take, too, so they come last
        for member in sorted(members, key=lambda member: turns.get(member, 0) if isinstance(member, str) else 0):
            try:
                return _read_text(text, member)
            except ValueError:
                pass
        raise ValueError
    if kind == "bool":
        return (FALSE + TRUE).index(text.lower()) >= len(FALSE)
    if kind in ("int", "float"):
        return any_digits(lambda: int(text)) if kind == "int" else float(text)
    if kind in ("enum", "literal"):
        values = [_loaded(each if kind == "literal" else each[1]) for each in type_[1 if kind == "literal" else 2]]
        names = [member[0] for member in type_[2]] if kind == "enum" else []
        texts = [value if isinstance(value, str) else to_text(value) for value in values]
        return values[(names if text in names else texts).index(text)]
    if kind in ("str", "datetime"):
        return text
    try:
        return any_digits(lambda: json.loads(text, parse_float=_Typed))
    except (ValueError, RecursionError):
        if kind != "any":
            raise
    return text


def error_text(where: str, error: Exception, code: str = "TP509") -> str:
    """An error in an expression as a value: one line that no engine can take for anything else.

    >>> error_text("train.py:3, If", KeyError("loss"))
    "error TP509: train.py:3, If: there is no 'loss'"
    """
    why = _why(error)
    if why.startswith(ERROR):
        return why  # of an operand: it is handed on
    if isinstance(error, BadArgument):
        code, where = "TP187", "argument `{}`".format(error.path)
    text = " ".join("error {}: {}: {}".format(code, where, why).split()).replace('"', "'")
    text = "".join(c if " " <= c <= "~" and c not in "$\\" else "<U+{:04X}>".format(ord(c)) for c in text[:1000])
    return text.replace("{" * 2, "{ {").replace("{" * 2, "{ {")[:1000]


def _why(error: Exception) -> str:
    if isinstance(error, KeyError):
        return "there is no {!r}".format(error.args[0])
    if isinstance(error, RecursionError):
        return "a value is nested too deeply"
    return error.reason if isinstance(error, WireError) else one_line(error)


_PURE: dict[str, tuple[str, ...]] = {
    "Expression": ("body",),
    "Compare": ("left", "comparators"),
    "BoolOp": ("values",),
    "UnaryOp": ("op", "operand"),
    "Not": (),
    "USub": (),
    "IfExp": ("test", "body", "orelse"),
    "Subscript": ("value", "slice"),
    "Index": ("value",),
    "Call": ("func", "args", "keywords"),
    "List": ("elts",),
    "Dict": ("keys", "values"),
    "Constant": (),
    "Name": (),
}
"""The syntax of expressions, with the fields that are expressions: pure, and without attributes and arithmetic."""


def _compiled(text: str, where: str) -> Any:
    """Code of an expression, which cannot do anything but compute.

    For ``arm``, which is lazy, and ``ok``: a list or a tuple of codes with their places.
    """
    import _ast

    tree: Any = compile(text, where, "eval", _ast.PyCF_ONLY_AST, True)
    pending = [tree]
    for node in pending:
        kind = type(node).__name__
        fields = _PURE.get(kind)
        if fields is None or (kind == "Call" and type(node.func) is not _ast.Name):
            raise WireError(where, "`{}` is not allowed in an expression".format(kind))
        if kind == "Name" and node.id[:2] == "__":
            raise WireError(where, "`{}` is not allowed in an expression".format(node.id))
        for field in fields:
            value = getattr(node, field)
            if type(value) is list:
                pending += value
            else:
                pending.append(value)
    body = tree.body
    if type(body).__name__ == "Call" and body.func.id in ("arm", "ok"):
        codes = [compile(_ast.Expression(each), where, "eval", 0, True) for each in body.args]
        places = where.split("; ")
        found = list(zip(codes, places if len(places) == len(codes) else [where] * len(codes)))
        return found if body.func.id == "arm" else tuple(found)
    return compile(tree, where, "eval", 0, True)


def program_lines(program: str) -> list[tuple[str, Any, str]]:
    """Lines ``name = expression  # place`` as name, code and place; the code of an invalid expression is its error.

    A line with ``arm`` can have one place for each condition, with ``; `` between them.
    """
    lines = []
    for line in program.split("\n"):
        name, _, text = line.partition(" = ")
        _, mark, where = text.rpartition("  # ")
        if text:
            code: Any
            try:
                code = _compiled(text, where if mark else "")
            except Exception as error:
                code = error
            lines.append((name.strip(), code, where if mark else ""))
    return lines


class Names(dict):  # type: ignore[type-arg]  # Python 3.8 cannot subscript dict
    """JSON data by name, or the error of a name without a value. What is read is made anew: nan is not even itself."""

    def __getitem__(self, name: str) -> Any:
        data = dict.__getitem__(self, name)
        if isinstance(data, WireError):
            raise data
        return _evaluate(data, name, None)

    def put(self, name: str, text: str) -> None:
        """Set a name to wire text."""
        try:
            self[name] = read_json(text, name)
        except WireError as error:
            self[name] = error


class Asker:
    """Evaluation of programs over outputs of a task (``out``) and other values (``given``), by Python.

    The names of lines that begin with ``_`` are for the lines after them. All others are answers.
    """

    def __init__(self, out: Any, given: Any, names: Any = None) -> None:
        self.out = out
        self.given = given
        self.names = names or Names(nan={"$tp": ["float", "nan"]}, inf={"$tp": ["float", "inf"]})
        self.space = dict(_FUNCTIONS, out=out, given=given, items=self.items)

    def answers(self, lines: list[tuple[str, Any, str]]) -> dict[str, Any]:
        """Answers by name: text, or a list of items. An error is a text, too: whoever needs the answer fails with it."""
        found = {}
        for name, code, where in lines:
            inner = name[:1] == "_"
            try:
                value = self.value(code)
                if inner:
                    self.names[name] = _to_json(value, "any", name)
                else:
                    found[name] = (
                        value if isinstance(value, (str, list)) else error_text(where, _expected("str", value, name))
                    )
            except Exception as error:
                if inner:
                    self.names[name] = error if isinstance(error, WireError) else WireError(name, _why(error))
                else:
                    found[name] = error_text(where, error)
        return found

    def value(self, code: Any) -> Any:
        if isinstance(code, Exception):
            raise code
        if isinstance(code, list):
            return str(next((i + 1 for i, (each, where) in enumerate(code) if self.placed(each, where, bool)), 0))
        if isinstance(code, tuple):
            for each, where in code:
                self.placed(each, where, _checked)
            return "true"
        return eval(code, self.space, self.names)  # noqa: S307  # pure code: see _compiled

    def placed(self, code: Any, where: str, convert: Callable[[Any], Any]) -> Any:
        """A value, converted; an error has this place, not that of the line."""
        try:
            return convert(eval(code, self.space, self.names))  # noqa: S307  # as above
        except Exception as error:
            raise WireError(where, error_text(where, error)) from None

    def items(self, values: Any, program: str = "", name: str = "x") -> list[Any]:
        """Items of a loop. With a program, each is a record of its answers about the item, which has this name."""
        if not isinstance(values, list):
            raise _expected(["list", "any"], values, "items")
        if not program:
            return [item_code(_wire(value)) for value in values]
        lines = program_lines(program)
        each = (Names(self.names, **{name: _to_json(value, "any", name)}) for value in values)
        return [Asker(self.out, self.given, names).answers(lines) for names in each]


def ask(program: str, out: Any, given: Any) -> dict[str, str]:
    """Answers to a program of a task with these outputs, as text by name.

    >>> ask("tp-e1 = arm(out['n'] > 3, out['n'] > 1)  # a.py:3, If", Names(n=2), Names())
    {'tp-e1': '2'}
    """
    lines = program_lines(program)
    found = Asker(out, given).answers(lines)
    for name, _, where in lines:
        if name in found:
            text = found[name] if isinstance(found[name], str) else _canonical(found[name])
            found[name] = error_text(where, WireError(name, _too_long(text)), "TP505") if _is_long(text) else text
    return found


def _wire(value: Any) -> str:
    return encode(value, "any")


def variable(name: str, value: Any) -> str:
    """A value as text where no type is expected, such as in an environment variable or an argument of a container."""
    text = value if isinstance(value, str) else _wire(value)
    if "\0" in text:
        raise WireError(name, "an argument or environment variable cannot hold a NUL character")
    return text


def _checked(text: str) -> str:
    """The text of an answer that is not too long."""
    if _is_long(text):
        raise WireError("value", _too_long(text))
    return text


_FUNCTIONS: dict[str, Any] = {
    "__builtins__": {},
    "boolean": lambda value: "true" if value else "false",
    "item": lambda value: item_code(_wire(value)),
    "text": lambda value: variable("value", value),
    "wire": _wire,
    "boxed": lambda value: to_text(_wire(value)),
    "order": order_key,
    "join": lambda *parts: "".join(parts),
    "format": _formatted,
    "typed": lambda value, type_: _from_json(value, type_, "value", None),
    "value": lambda text: decode(text, "any"),
    "object": lambda name, fields: Sent(fields, name),
}


# ---------------------------------------------------------------------------------------------- shipped source

_code: dict[str, list[tuple[CodeType, list[str], str]]] = {}


def compile_source(spec: dict[str, Any]) -> list[tuple[CodeType, list[str], str]]:
    """Compile each chunk; return its code, names and module. Cached, so that a process that forks tasks compiles once."""
    key = str((spec["entry"], spec["chunks"]))
    if key not in _code:
        _code[key] = [_compile_chunk(spec["entry"], *chunk) for chunk in spec["chunks"]]
        _typing_names(_code[key])
    return _code[key]


def _compile_chunk(entry: str, file: str, line: int, text: str, module: str = "") -> tuple[CodeType, list[str], str]:
    import __future__

    import _ast

    future = __future__.annotations.compiler_flag
    head = "\n" * max(line - 2, 0) + "if 1:\n" if text[:1] in " \t" else "\n" * (line - 1)
    tree: Any = compile(head + text, file, "exec", future | _ast.PyCF_ONLY_AST, True)
    body = tree.body[0].body if text[:1] in " \t" else tree.body
    for node in body:
        if isinstance(node, (_ast.FunctionDef, _ast.AsyncFunctionDef)) and node.name == entry and not module:
            arguments = node.args
            arguments.args, arguments.posonlyargs = arguments.posonlyargs + arguments.args, []
            arguments.defaults, arguments.kw_defaults = [], [None] * len(arguments.kwonlyargs)  # pyrefly: ignore[bad-assignment]
            node.decorator_list, node.returns = [], None
            for argument in arguments.args + arguments.kwonlyargs:
                argument.annotation = None
    names = [node.name for node in body if hasattr(node, "name")]
    names += [t.id for node in body for t in getattr(node, "targets", ()) if hasattr(t, "id")]
    names += [a.asname or a.name for node in body if isinstance(node, _ast.ImportFrom) for a in node.names]
    return compile(tree, file, "exec", future, True), names, module


parts: dict[str, ModuleType] = {}
"""The task's modules by the name of the user's module, without that of the component itself."""


def load(spec: dict[str, Any], folder: str = "") -> ModuleType:
    """The module that a component's source runs in, registered so that dataclasses and pickle find it.

    With a ``folder``, a file for the module is written there, for spawned processes that import it again.
    """
    sys.modules.setdefault("typedpipe.runtime.task", sys.modules[__name__])
    if _importer not in sys.meta_path:
        sys.meta_path.append(_importer)
    module = sys.modules[MODULE] = type(sys)(MODULE)
    _fill(module, spec)
    if folder:
        path = os.path.join(folder, MODULE + ".py")
        try:
            if path not in _placed and not os.path.exists(path):  # tasks of one component may share it
                os.makedirs(folder, exist_ok=True)
                new = "{}.{}".format(path, os.getpid())
                _write(new, _module_text(spec))
                os.replace(new, path)
            _placed.add(path)
            sys.path.append(folder)
        except OSError:
            pass  # a read-only directory: spawned processes cannot import the module, everything else works
    return module


_placed: set[str] = set()


def _module_text(spec: dict[str, Any]) -> str:
    text = json.dumps({key: spec[key] for key in ("entry", "chunks", "inputs", "outputs")})
    path = json.dumps([os.path.dirname(os.path.abspath(__file__)), __file__])
    lines = ["import sys, json, importlib.util as u", "_p = json.loads({!r})".format(path)]
    lines += ["_s = u.spec_from_file_location('tp_runtime', _p[1])", "_t = u.module_from_spec(_s)"]
    lines += ["_s.loader.exec_module(_t)", "_t.adopt(sys.modules[__name__], json.loads({!r}))".format(text), ""]
    return "\n".join(lines)


def adopt(module: ModuleType, spec: dict[str, Any]) -> None:
    sys.modules.setdefault("typedpipe.runtime.task", sys.modules.setdefault(__name__, _Self()))
    sys.meta_path.append(_importer)
    _fill(module, spec)


class _Self(type(sys)):  # type: ignore[misc]  # the class of modules, without importing types
    def __init__(self) -> None:
        super().__init__(__name__)
        self.__dict__.update(globals())


def unload(earlier: dict[str, ModuleType]) -> None:
    """Remove the task's modules, and put back those of an earlier task."""
    if not parts and not earlier and not _imported:
        return
    for name in parts:
        sys.modules.pop(MODULE + "." + name, None)
    while _imported:
        sys.modules.pop(_imported.pop(), None)
    parts.clear()
    for name, module in earlier.items():
        parts[name] = sys.modules[module.__name__] = module


def _fill(main: ModuleType, spec: dict[str, Any]) -> None:
    unload({})
    codes = compile_source(spec)
    wanted = _typing_names(codes)
    names = dict(_stub_names(), __loader__=_Lines(spec["chunks"]))
    if wanted:
        import typing

        names.update((name, getattr(typing, name)) for name in wanted)

    def space_of(name: str) -> dict[str, Any]:
        module = main if not name else parts.get(name)
        if module is None:
            module = parts[name] = sys.modules[MODULE + "." + name] = type(sys)(MODULE + "." + name)
            module.__dict__.update(names)
        return module.__dict__

    space = main.__dict__
    names.update((name, value) for name, value in space.items() if name in names and name[:2] != "__")
    space.update(names, __path__=[], __getattr__=_from_parts)
    defined = {(module, name) for _, own, module in codes for name in own}
    for port in spec["inputs"] + spec["outputs"]:
        _rebuild(port[3], space_of, defined)
    for code, _, module in codes:
        exec(code, space_of(module))  # noqa: S102  # this is the purpose of the file


def _from_parts(name: str) -> Any:
    """A class or function that another task pickled: there, this module was that of the component itself."""
    found = [part.__dict__.get(name) for part in parts.values() if name[:2] != "__"]
    found = [value for value in found if getattr(value, "__module__", "")[: len(MODULE) + 1] == MODULE + "."]
    if len(set(map(id, found))) != 1:
        raise AttributeError("module {!r} has no attribute {!r}".format(MODULE, name))
    return found[0]


def _typing_names(codes: list[tuple[CodeType, list[str], str]]) -> list[str]:
    """Names of ``typing`` that the code uses, also in annotations, which are strings and may be evaluated."""
    known = _used.get(id(codes))  # the lists are cached, see ``compile_source``
    if known is None:
        words: set[str] = set()
        pending = [code for code, _, _ in codes]
        for code in pending:
            words.update(code.co_names)
            for constant in code.co_consts:
                if hasattr(constant, "co_names"):
                    pending.append(constant)
                elif isinstance(constant, tuple) or "__qualname__" in code.co_names or code.co_name == "<module>":
                    words.update("".join(c if c.isalnum() else " " for c in str(constant)).split())
        known = _used[id(codes)] = [name for name in TYPING if name in words]
    return known


_used: dict[int, list[str]] = {}


class _Lines:
    """Provides the shipped lines to ``linecache``, because the user's file is not in the container."""

    def __init__(self, chunks: list[Any]) -> None:
        self.files: dict[str, list[str]] = {}
        self.own = {"/" + file for file, _, _, *module in chunks if not any(module)}
        for file, line, text, *_ in chunks:
            lines = self.files.setdefault(file, [])
            new = text.splitlines(True)
            lines.extend(["\n"] * (line - 1 + len(new) - len(lines)))
            lines[line - 1 : line - 1 + len(new)] = new
        if len(self.files) > 1:
            self.remember()

    def remember(self) -> None:
        import linecache

        for file, lines in self.files.items():
            linecache.cache[file] = (sum(map(len, lines)), None, lines, file)

    def get_source(self, name: str) -> str:
        return "".join(next(iter(self.files.values()), []))


def _rebuild(type_: Any, space_of: Callable[[str], dict[str, Any]], defined: set[tuple[str, str]]) -> None:
    """Rebuild the classes of functional NamedTuples and Enums, which have no source, from the interface."""
    if isinstance(type_, str) or type_[0] in ("literal", "artifact"):
        return
    if type_[0] in ("list", "dict", "union"):
        for inner in type_[1] if type_[0] == "union" else [type_[1]]:
            _rebuild(inner, space_of, defined)
        return
    if type_[0] == "struct":
        for field in type_[3]:
            _rebuild(field[1], space_of, defined)
    module, _, dotted = str(type_[1]).partition("[")[0].rpartition(":")
    name = class_name(dotted)
    if type_[0] == "struct" and type_[2] == "typeddict":
        space_of(module).setdefault(name, dict)
    elif (type_[0] == "enum" or type_[2] == "namedtuple") and not {
        (module, name),
        (module, dotted.split(".")[0]),
    } & defined:
        space = space_of(module)
        if type_[0] == "enum":
            from enum import Enum

            members = [(member, _loaded(wire)) for member, wire in type_[2]]
            space[name] = Enum(name, members, module=space["__name__"])
        else:
            from collections import namedtuple

            space[name] = namedtuple(name, [field[0] for field in type_[3]], module=space["__name__"])


class _Marker:
    """``Input[T]`` and similar markers in shipped source: only the type they wrap matters."""

    def __getitem__(self, item: Any) -> Any:
        return item[0] if isinstance(item, tuple) else item

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        first = args[0] if args else None
        return first if callable(first) else lambda function: function


ARTIFACTS = (
    Artifact, Dataset, Model, TFModel, Metrics, ClassificationMetrics, SlicedClassificationMetrics, HTML, Markdown
)  # fmt: skip
MARKERS = ("Input", "Output", "InputPath", "OutputPath", "component", "container_component", "pipeline")
TYPING = ("NamedTuple", "TypedDict", "List", "Dict", "Tuple", "Set", "Optional", "Union", "Any", "Literal", "Callable",
          "Sequence", "Mapping", "Iterable", "Iterator")  # fmt: skip
STUB_NAMES = frozenset(MARKERS + TYPING + ("dsl", "PipelineTaskFinalStatus", "OUT", "STATUS", "get_uri")).union(
    cls.__name__ for cls in ARTIFACTS
)


def _stub_names() -> dict[str, Any]:
    if "" not in _stubs:
        names: dict[str, Any] = {cls.__name__: cls for cls in ARTIFACTS}
        names.update({name: _Marker() for name in MARKERS})
        names.update(PipelineTaskFinalStatus=PipelineTaskFinalStatus, OUT=None, STATUS=None, get_uri=get_uri)
        dsl = type(sys)("typedpipe.dsl")
        dsl.__dict__.update(names)
        _stubs[""] = dict(names, dsl=dsl)
    return _stubs[""]


_stubs: dict[str, dict[str, Any]] = {}


def _own_names(name: str) -> bool | None:
    """Whether a name is that of the component's own module; None for a name that is neither this nor a package above.

    A task of another module pickles a class of this one by that name: ``tp_component.shop.steps`` for shop/steps.py.
    """
    loader = getattr(sys.modules.get(MODULE), "__loader__", None)
    path = name[len(MODULE) :].replace(".", "/")
    if name[: len(MODULE) + 1] != MODULE + "." or not isinstance(loader, _Lines):
        return None
    if path == "/__main__" or any(file.endswith((path + ".py", path + "/__init__.py")) for file in loader.own):
        return True
    return False if any(path + "/" in file for file in loader.own) else None


_imported: list[str] = []
"""Modules of the component that were imported by name."""


class _Stubs:
    """The last importer: a ``typedpipe`` stub for component source where the real package is not installed."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        ours = ("typedpipe", "typedpipe.dsl", "typedpipe.types", "typedpipe.runtime")
        if name in ours or _own_names(name) is not None:
            from importlib.machinery import ModuleSpec

            # the two methods of a loader
            return ModuleSpec(name, self, is_package=True)  # type: ignore[arg-type]  # ty: ignore[invalid-argument-type]
        return None

    def create_module(self, spec: Any) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        if module.__name__.startswith(MODULE + "."):
            _imported.append(module.__name__)
            if _own_names(module.__name__):
                module.__dict__["__getattr__"] = lambda name: getattr(sys.modules[MODULE], name)
            return
        names = _stub_names()
        module.__dict__.update({k: v for k, v in names.items() if k != "dsl" or module.__name__ == "typedpipe"})
        if module.__name__ == "typedpipe":
            sys.modules.setdefault("typedpipe.dsl", names["dsl"])


_importer: Any = _Stubs()


# ---------------------------------------------------------------------------------------------------- one task


class ContractError(Exception):
    """A task's inputs or outputs violate its interface. Exit code 2."""

    def __init__(self, code: str, message: str, exit_code: int = 2) -> None:
        super().__init__(message)
        self.code = code
        self.exit_code = exit_code


class _Task:
    def __init__(
        self,
        spec: dict[str, Any],
        parameters: list[dict[str, str]],
        root: str,
        kept: dict[str, str] | None,
        alone: bool,
    ) -> None:
        self.spec = spec
        self.kept = kept
        self.alone = alone
        self.parameters = {p["name"]: p["value"] for p in parameters}
        self.root = root
        self.classes: dict[str, Any] = {}
        self.given: dict[str, Any] = {}
        self.moved: dict[int, tuple[Any, str]] = {}  # the objects too: the id of one that is gone is used again
        self.bare = 0
        self.texts: dict[str, tuple[str, Any]] = {}
        """Outputs that have been checked, by key, with their types. They are written when all have been."""
        self.stamps: dict[str, tuple[str, str, str]] = {}
        """Names, paths and stamps of artifacts, by key: they must not change after their digests are computed."""

    def place(self, *parts: str) -> str:
        return os.path.join(self.root, *parts)

    def error(self, code: str, label: str, reason: str) -> ContractError:
        return ContractError(code, "component `{}`, {}: {}".format(self.spec["component"], label, reason))

    def guard(self, code: str, side: str, convert: Callable[[], Any]) -> Any:
        try:
            return convert()
        except BadArgument as error:
            raise ContractError("TP187", "argument {}".format(error)) from None
        except WireError as error:
            label = "{} `{}`".format(side, error.path)
            raise self.error(code, label, error.reason) from error.__cause__

    # inputs

    def read(self, name: str, key: str, how: str, type_: Any, default: str | None) -> Any:
        if how in ("path", "artifact") and _holds_artifact(type_):
            value = self.read_artifact(name, key, type_)
            if how == "artifact" or value is None:
                return value
            path = PathOfArtifact(value.path)
            path.artifact = value
            return path
        text = self.parameters.get(key, default)
        if text is None:
            raise self.error("TP501", "input `{}`".format(name), "expected `{}`, found nothing".format(show(type_)))
        if how == "status":
            data = self.guard("TP502", "input", lambda: decode(text, ["dict", "any"], name))
            said = ["{}: {}".format(*each) for each in data.get("errors") or () if each[1]]
            if said and data.get("state") != "SUCCEEDED":
                data["error_message"] = "\n".join(said)
            known = ("state", "error_message", "pipeline_job_resource_name", "pipeline_task_name", "error_code")
            return PipelineTaskFinalStatus(**{k: data[k] for k in known if data.get(k) is not None})
        value = self.guard("TP502", "input", lambda: decode(text, type_, name, self.classes))
        return value if how == "value" else self.as_file(key, value, type_)

    def as_file(self, key: str, value: Any, type_: Any) -> str | None:
        if value is None:
            return None
        path = self.place("out", "raw", "in-" + key)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(value if isinstance(value, str) else _file_text(encode(value, type_), key))
        return PathOfArtifact(path)

    def read_artifact(self, name: str, key: str, type_: Any) -> Any:
        text = self.parameters.get(descriptor_key(key))
        companion = {} if text is None else self.guard("TP502", "input", lambda: decode(text, "any", name))
        undescribed = key in os.environ.get("TYPEDPIPE_UNDESCRIBED", "").split()
        return self.load(type_, self.place("in", key), companion, name, False, "-" if undescribed else "")

    def load(self, type_: Any, path: str, companion: Any, name: str, inside: bool, bare: str) -> Any:
        """An input artifact, or a list of them. ``bare``: a digest of content that may be an empty directory."""
        optional = type_[0] == "union"
        core = next(m for m in type_[1] if m != "null") if optional else type_
        if companion is None and optional:
            return None
        if core[0] == "list":
            if not isinstance(companion, list):
                reason = "expected `{}`, found {}".format(show(type_), _clip(to_text(companion)))
                raise self.error("TP502", "input `{}`".format(name), reason)
            items = enumerate(companion)
            return [self.load(core[1], path, c, "{}[{}]".format(name, i), True, bare) for i, c in items]
        data = companion or {}
        if inside:
            path = os.path.join(path, *str(data.get("key", "")).split("/"))
        reference = data.get("digest") == ""
        dirs = data.get("dirs", ())
        if not reference and _absent(path) and data.get("digest") not in (_listing_digest((), dirs), bare):
            if optional and "digest" not in data:
                return None
            reason = "expected a `{}`, found no file{}".format(
                show(core), " at `{}`".format(data["uri"]) if "uri" in data else ""
            )
            raise self.error("TP501", "input `{}`".format(name), reason)
        artifact = _artifact_class(data.get("type"), core)(
            str(data.get("uri", path)), name=data.get("name", name), metadata=data.get("metadata")
        )
        artifact._given = "" if reference else artifact.uri
        artifact._path = (reference and _local_path(artifact.uri)) or self.without_marker(path, dirs)
        return artifact

    def without_marker(self, path: str, dirs: Any) -> str:
        """An object store keeps only files: an empty directory is created again. Earlier versions stored a marker in it."""
        marker = os.path.join(path, MARKER)
        if not os.path.exists(path) or (os.path.exists(marker) and not _files(path)):
            self.bare += 1
            path = self.place("out", "empty", str(self.bare), os.path.basename(path))
            os.makedirs(path, exist_ok=True)
        elif os.path.exists(marker):  # copied from an empty directory, by a tool that then added files
            try:
                os.unlink(marker)
            except OSError:
                pass  # the input cannot be written to: the marker stays
        for folder in dirs:
            os.makedirs(os.path.join(path, *folder.split("/")), exist_ok=True)
        return path

    # outputs

    def prepare(self, name: str, key: str, how: str, type_: Any) -> Any:
        path = self.place("out", "a" if _holds_artifact(type_) else "raw", key)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if how == "path":
            return path
        artifact = _artifact_class(None, type_)(self.uri(key, path), name=name)
        artifact._path, artifact._given = path, artifact.uri
        return artifact

    def uri(self, key: str, path: str) -> str:
        return os.environ.get("TYPEDPIPE_KEY", "").replace("{output}", key) or path

    def write(self, name: str, key: str, how: str, type_: Any, value: Any) -> None:
        if _holds_artifact(type_):
            self.write_artifact(name, key, how, type_, value)
        elif how == "path":
            self.write_raw(name, key, type_, value)
        else:
            self.write_text(name, key, self.guard("TP503", "output", lambda: encode(value, type_, name)), type_)

    def write_text(self, name: str, key: str, text: str, type_: Any) -> None:
        if _is_long(text):
            reason = "{}: return it as an artifact, in a file".format(_too_long(text))
            raise self.error("TP505", "output `{}`".format(name), reason)
        self.texts[key] = (text, type_)

    def finish(self) -> None:
        """Write the outputs, and the answers of this task."""
        for key, (name, place, before) in self.stamps.items():
            if self.stamp(name, place) != before:
                reason = "it was modified after the function ended: wait in the function for what it starts"
                raise self.error("TP510", "output `{}`".format(name), reason)
            self.write_stamp(descriptor_key(key) + STAMP, before)
        for key, (text, type_) in self.texts.items():
            if self.kept is not None:
                self.kept[key] = text
                continue
            _write(self.place("out", "p", key), text)
            if not isinstance(type_, str) or type_ not in ("int", "float", "bool", "str", "datetime"):
                _write(self.place("out", "p", key + ".box"), to_text(text))
        program = self.parameters.get("tp-ask")
        if not program:
            return
        out, given = Names(), Names()
        for name, key, _, type_ in self.spec["outputs"]:
            out.put(name, self.texts[descriptor_key(key) if _holds_artifact(type_) else key][0])
        known = [["", ""]]
        for line in self.parameters.get("tp-given", "").split("\n"):
            name, _, text = line.partition(" = ")
            if name.isidentifier():
                known.append([name, text])
            else:  # of a value that was typed on several lines
                known[-1][1] += "\n" + line
        for name, text in known:
            given.put(name, text)
        for name, text in ask(program, out, given).items():
            _write(self.place("out", "p", name), text)

    def tell_exit(self, message: str) -> None:
        """Write the message of a task that failed for the exit handler around it."""
        if "tp-exit" in self.parameters:
            try:
                os.makedirs(self.place("out", "p"), exist_ok=True)
                _write(self.place("out", "p", "tp-error"), to_text(" ".join(message.split("\n"))[:_LONGEST_MESSAGE]))
            except OSError:
                pass  # the exit handler gets the general message

    def stamp(self, name: str, place: str) -> str:
        return str(self.readable(name, lambda: stamp(place)))

    def write_stamp(self, key: str, text: str) -> None:
        """Write a stamp for the engine, which files the artifact: it may change until the task's processes have ended."""
        if self.kept is not None:
            self.kept[key] = text
        else:
            _write(self.place("out", "p", key), text)

    def write_raw(self, name: str, key: str, type_: Any, path: str) -> None:
        optional = type_[0] == "union" and "null" in type_[1]
        text: str | None = None
        if os.path.exists(path):
            if not os.path.isfile(path):  # opening a pipe would wait for a writer
                kind = _kind(os.stat(path).st_mode)
                raise self.error("TP504", "output `{}`".format(name), "expected a file at its path, found " + kind)
            with open(path, encoding="utf-8") as file:
                text = file.read()
        elif not optional:
            raise self.error("TP504", "output `{}`".format(name), self.nothing_at(path, "path", show(type_)))
        self.write(
            name,
            key,
            "return",
            type_,
            self.guard("TP503", "output", lambda: from_file(text, type_, name, self.classes)),
        )

    def write_artifact(self, name: str, key: str, how: str, type_: Any, value: Any) -> None:
        place = self.place("out", "a", key)
        if value is None and type_[0] == "union":
            self.write_text(name, descriptor_key(key), "null", "any")
            return
        if how == "path":
            value = self.prepare(name, key, "artifact", type_)
        core = next(m for m in type_[1] if m != "null") if type_[0] == "union" else type_
        titles = [getattr(c, "schema_title", "") for c in type(value).__mro__]
        if not isinstance(value, Artifact) or core[1] not in titles:
            reason = _expected(core, value, name).reason
            if isinstance(value, (str, bytes)):  # KFP writes a returned value into the artifact's file
                reason += "; write it to the path of a `{}()`, and return that".format(show(core))
            raise self.error("TP503", "output `{}`".format(name), reason)
        here = value.uri.startswith("file://") and os.path.lexists(_local_path(value.uri))  # then it is a path
        reference = value.uri != value._given and "://" in value.uri and not here
        if not reference:
            self.take(name, how, value, place, core)
            self.stamps[key] = name, place, self.stamp(name, place)
        pod = os.environ.get("TYPEDPIPE_POD")
        digest, size, dirs = ("", 0, []) if reference else self.readable(name, lambda: describe(place))
        if reference:
            os.makedirs(place, exist_ok=True)  # Argo fails a task if nothing is at the path of an output
        about = {
            "type": value.schema_title,
            "version": value.schema_version,
            "name": value.name or name,
            "metadata": _loaded(
                self.guard("TP503", "output", lambda: encode(value.metadata, ["dict", "any"], name + ".metadata"))
            ),
        }
        companion = {
            **about,
            "uri": value.uri if reference else self.uri(key, place),
            "digest": digest,
            "size": size,
            "key": pod or key,
        }
        if pod:  # where Argo makes cache keys of it, by position: its expressions would round large numbers
            from hashlib import sha256

            identity = sha256(to_text([about, digest or value.uri]).encode()).hexdigest()
            companion = {"id": identity, **companion}
        if dirs:
            companion["dirs"] = dirs
        stand_in = os.environ.get("TYPEDPIPE_EMPTY", "").replace("{output}", key)
        if stand_in and not reference and os.path.isdir(place) and not _files(place):
            companion["empty"] = stand_in
            _write(self.place("out", "p", descriptor_key(key) + ".empty"), "This file stands for an empty directory.\n")
        self.write_text(name, descriptor_key(key), to_text(companion), "any")

    def take(self, name: str, how: str, value: Any, place: str, type_: Any) -> None:
        taken = self.moved.get(id(value))
        source = taken[1] if taken else value.path
        if not os.path.lexists(source):
            if (
                not isinstance(value, (Metrics, ClassificationMetrics, SlicedClassificationMetrics))
                or not value.metadata
            ):
                raise self.error("TP504", "output `{}`".format(name), self.nothing_at(source, how, show(type_)))
            source = place
            data = self.guard("TP503", "output", lambda: encode(value.metadata, ["dict", "any"], name + ".metadata"))
            _write(place, data)
        self.readable(name, lambda: self.move(source, place, taken is not None))
        self.moved[id(value)] = value, place

    def move(self, source: str, place: str, taken: bool) -> None:
        if os.path.abspath(source) != os.path.abspath(place):
            os.makedirs(os.path.dirname(place), exist_ok=True)
            if source.startswith(_state["scratch"] + os.sep) and not os.path.islink(source) and not taken:
                open_up(source)
                _resolve_links(source)  # before they are elsewhere: a link may contain the artifact's own path
                os.rename(source, place)
                os.symlink(place, source)  # another output may have links to this one
            else:
                _copy(source, place, ())
        open_up(place)
        _resolve_links(place)
        _check_files(place)

    def readable(self, name: str, read: Callable[[], Any]) -> Any:
        try:
            return read()
        except OSError as error:
            reason = "cannot read the output: {}".format(str(error).replace(self.root + "/", ""))
            raise self.error("TP506", "output `{}`".format(name), reason) from None

    def nothing_at(self, path: str, how: str, type_: str) -> str:
        """The reason for an output without a file, and the files that were perhaps meant."""
        expected = "expected a `{}` at its path, found no file".format(type_)
        beside = names_beside(path)
        if beside:
            appended = beside[0][len(os.path.basename(path)) :]
            remedy = "rename the file: `os.rename(path + {!r}, path)`" if how == "path" else (
                "set the path of the artifact: `artifact.path += {!r}`"
            )  # fmt: skip
            return "{}, but `{}` next to it; if a library appended `{}`, {}".format(
                expected, beside[0], appended, remedy.format(appended)
            )
        here = os.getcwd()
        written = _names(here) if how in ("return", "field") and here == os.path.realpath(self.place("work")) else []
        if written:
            return (
                "{}; the working directory contains {}: to return a file from there, pass its path: `{}({!r})`".format(
                    expected, ", ".join("`{}`".format(name) for name in written[:3]), type_, written[0]
                )
            )
        return expected

    def results(self, returned: Any) -> dict[str, Any]:
        ports = [port[0] for port in self.spec["outputs"] if port[2] in ("return", "field")]
        if self.spec["returns"] != "fields":
            return {name: returned for name in ports}
        if isinstance(returned, tuple) and not hasattr(returned, "_fields") and len(returned) == len(ports):
            return dict(zip(ports, returned))
        missing = [name for name in ports if not hasattr(returned, name)]
        if missing:
            found = "`{}` {}".format(type(returned).__name__, _clip(repr(returned)))
            raise self.error(
                "TP503",
                "output `{}`".format(missing[0]),
                "expected the fields {}, found {}".format(", ".join(ports), found),
            )
        return {name: getattr(returned, name) for name in ports}


def _holds_artifact(type_: Any) -> bool:
    while type_[0] in ("union", "list"):
        type_ = type_[1] if type_[0] == "list" else next(m for m in type_[1] if m != "null")
    return bool(type_[0] == "artifact")


def _artifact_class(title: Any, type_: Any) -> Any:
    known: dict[str, Any] = {}
    pending: list[Any] = [Artifact]
    for cls in pending:
        known[cls.schema_title] = cls
        pending.extend(cls.__subclasses__())
    while type_[0] in ("union", "list"):
        type_ = type_[1] if type_[0] == "list" else next(m for m in type_[1] if m != "null")
    return next((known[t] for t in (title, type_[1], *type_[3]) if t in known), Artifact)


def _limit() -> int:
    return int(os.environ.get("TYPEDPIPE_MAX_PARAMETER") or 32768)


def _is_long(text: str) -> bool:
    return len(text) > _limit()


def _too_long(text: str) -> str:
    return "expected at most {} bytes, found {}".format(_limit(), len(text))


def _absent(path: str) -> bool:
    return not os.path.exists(path) or (os.path.isdir(path) and not os.listdir(path))


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write(text)


def from_file(text: str | None, type_: Any, name: str, classes: Any) -> Any:
    """The value of the text in an output's file: JSON, or bare text; None if there is no file."""
    if text is None or type_ == "str":
        return text
    for part in (text, json.dumps(text.strip()), text.strip().lower()):  # JSON, bare text, Python's True
        try:
            return decode(part, type_, name, classes)
        except WireError:
            pass
    return decode(text, type_, name, classes)


def _file_text(text: str, name: str) -> str:
    """Wire text for a user's file: objects are their fields alone."""
    return encode(decode(text, "any", name, {}), "any") if '["object"' in text else text


def _copy(source: str, place: str, above: tuple[str, ...]) -> None:
    """Copy a file or directory; links are replaced by the content they point to."""
    import shutil

    real = os.path.realpath(source)
    if real in above:
        raise OSError("the link {} points to a directory that contains it".format(source))
    if not os.path.exists(real):
        raise OSError("the link {} is broken".format(source))
    if not os.path.isdir(real):
        if not os.path.isfile(real):
            kind = _kind(os.stat(real).st_mode)
            raise OSError("{} is {}; create it outside the artifact".format(source, kind))
        shutil.copy(real, place)  # with its mode: a tool stays executable
        return
    os.makedirs(place, exist_ok=True)
    for entry in sorted(os.listdir(real)):
        if entry != MARKER:
            _copy(os.path.join(real, entry), os.path.join(place, entry), above + (real,))


def _resolve_links(place: str) -> None:
    """Replace links by files and directories: artifact stores have no links, locally or in a cluster."""
    links = [place] if os.path.islink(place) else []
    for folder, dirs, files in _walk(place) if os.path.isdir(place) else ():
        links += [os.path.join(folder, entry) for entry in dirs + files if os.path.islink(os.path.join(folder, entry))]
    for link in links:
        parents = {os.path.realpath(link[:i]) for i in range(len(place), len(link)) if link[i] == os.sep}
        _copy(link, link + ".typedpipe", tuple(parents))
    for link in links:
        os.unlink(link)
        os.rename(link + ".typedpipe", link)


def _kind(mode: int) -> str:
    """The kind of a file that cannot be stored, by its mode."""
    return {0o010000: "a pipe", 0o040000: "a directory", 0o140000: "a socket"}.get(mode & 0o170000, "a device")


def _check_files(place: str) -> None:
    """Reject everything but files and directories: reading a pipe or a device may never end."""
    found = [place] if not os.path.isdir(place) else []
    for folder, _, files in os.walk(place):
        found += [os.path.join(folder, file) for file in files]
    for path in found:
        if not os.path.isfile(path):
            raise OSError("{} is {}; create it outside the artifact".format(path, _kind(os.lstat(path).st_mode)))


def describe(path: str) -> tuple[str, int, list[str]]:
    """Digest, size in bytes and empty directories of a file or directory. A directory's digest covers sorted names."""
    from hashlib import sha256

    total = sha256()
    if not os.path.isdir(path):
        size = 0
        with open(path, "rb") as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                total.update(block)
                size += len(block)
        return "sha256:" + total.hexdigest(), size, []
    found: list[tuple[str, str]] = []
    empty: list[str] = []
    size = 0
    for folder, dirs, files in _walk(path):
        here = "" if folder == path else os.path.relpath(folder, path).replace(os.sep, "/") + "/"
        names = [file for file in files if file != MARKER]
        for name in names:
            digest, length, _ = describe(os.path.join(folder, name))
            found.append((here + name, digest))
            size += length
        if here and not dirs and not names:
            empty.append(here[:-1])
    return _listing_digest(found, empty), size, sorted(empty)


def stamp(path: str) -> str:
    """Text that changes if a file is written to or replaced, or anything in a directory: for comparison, cheap to get."""
    found = [path]
    for folder, dirs, files in _walk(path) if os.path.isdir(path) else ():
        found += [os.path.join(folder, name) for name in dirs + files if name != MARKER]
    lines = [_stamp(each, each[len(path) :]) for each in sorted(found)]
    if len(lines) == 1:
        return lines[0].decode()  # without a name: the numbers
    from hashlib import sha256

    return sha256(b"\n".join(lines)).hexdigest()


def _stamp(path: str, name: str) -> bytes:
    info = os.lstat(path)
    numbers = () if stat.S_ISDIR(info.st_mode) else (info.st_size, info.st_mtime_ns, info.st_ino)
    return os.fsencode(name) + repr(numbers).encode()


def _listing_digest(files: Sequence[tuple[str, str]], empty: Sequence[str]) -> str:
    """Digest of a directory: names and digests of its files, and the names of its empty directories."""
    from hashlib import sha256

    total = sha256(b"folder\n")  # an empty directory is not an empty file
    for name, digest in sorted(files):
        total.update(os.fsencode(name) + b"\0" + digest.encode() + b"\n")
    for name in sorted(empty):
        total.update(os.fsencode(name) + b"/\0\n")
    return "sha256:" + total.hexdigest()


def _walk(path: str) -> Any:
    """``os.walk`` that does not pass over directories that cannot be read."""

    def refuse(error: OSError) -> NoReturn:
        raise error

    return os.walk(path, onerror=refuse)


def open_up(path: str) -> None:
    """Give the owner of an output all permissions that reading and moving it need, which root has anyway."""
    mode = os.lstat(path).st_mode
    wanted = 0o700 if stat.S_ISDIR(mode) else 0o600 if stat.S_ISREG(mode) else 0
    if mode & wanted != wanted:
        os.chmod(path, mode & 0o777 | wanted)
    if wanted == 0o700:
        for entry in os.listdir(path):
            open_up(os.path.join(path, entry))


def _names(folder: str) -> list[str]:
    try:
        return sorted(name for name in os.listdir(folder) if not name.startswith("."))
    except OSError:
        return []


def names_beside(path: str) -> list[str]:
    """Names next to a path that are its name with something appended: libraries add their own extension."""
    folder, name = os.path.split(path)
    return [other for other in _names(folder) if other.startswith(name) and other[len(name) :][:1] in (".", "_", "-")]


def _files(path: str) -> bool:
    """Whether a directory contains any file, at any depth, other than markers."""
    return any(file != MARKER for _, _, files in _walk(path) for file in files)


def install(
    packages: Sequence[str],
    index_urls: Sequence[str] = (),
    trusted_hosts: Sequence[str] = (),
    target: str = "/tp/out/site",
) -> None:
    """Install packages into a separate directory with this Python's pip and make them importable."""
    import importlib
    import subprocess

    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", target]
    for i, url in enumerate(index_urls):
        command.append(("--extra-index-url=" if i else "--index-url=") + url)
    command += ["--trusted-host=" + host for host in trusted_hosts]
    code = subprocess.call(command + ["--"] + list(packages))  # no shell, and no package is an option
    if code:
        raise ContractError("TP508", "pip could not install {} (exit code {})".format(" ".join(packages), code), 1)
    sys.path.insert(0, target)
    inherited = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = target + (os.pathsep + inherited if inherited else "")
    importlib.invalidate_caches()


def _set_environment(task: _Task) -> None:
    """Set the variables of the task, and start again with them once: the interpreter and its loader read some at start."""
    text = task.parameters.get("tp-env")
    if not text:
        return
    pairs = task.guard("TP502", "input", lambda: decode(text, ["list", ["list", "any"]], "environment variables"))
    os.environ.update(task.guard("TP502", "variable", lambda: {name: variable(name, value) for name, value in pairs}))
    if os.environ.pop("TYPEDPIPE_ENV_SET", "") or not os.path.isfile(sys.argv[0]):
        return
    os.environ["TYPEDPIPE_ENV_SET"] = "1"
    _flush(sys.stdout, sys.stderr)
    os.execv(sys.executable, [sys.executable, "-u"] + sys.argv)  # noqa: S606  # this program itself


def _run(task: _Task) -> None:
    spec = task.spec
    _set_environment(task)
    if task.kept is None:
        os.makedirs(task.place("out", "p"), exist_ok=True)
    if any(_holds_artifact(port[3]) for port in spec["outputs"]):
        os.makedirs(task.place("out", "a"), exist_ok=True)
    _state["scratch"] = task.place("out", "new")
    if spec.get("packages") and os.environ.get("TYPEDPIPE_INSTALL") == "1":
        install(spec["packages"], spec.get("index_urls", ()), spec.get("trusted_hosts", ()), task.place("out", "site"))
    try:
        task.classes = load(spec, spec.get("lib") or task.place("out", "lib")).__dict__
    except SyntaxError as error:
        version = "Python {}.{}".format(*sys.version_info[:2])
        raise task.error(
            "TP507", "source", "{} cannot parse the source ({}); use a newer base image".format(version, error)
        ) from None
    for name, key, how, type_, default in spec["inputs"]:
        task.given[name] = task.read(name, key, how, type_, default)
    for name, key, how, type_ in spec["outputs"]:
        if how in ("path", "artifact"):
            task.given[name] = task.prepare(name, key, how, type_)
    known = () if task.alone else _threads()
    mask = os.umask(0o077)
    os.umask(mask)
    try:
        returned = _call(task)
        if task.alone:
            end_program()
        else:
            _end_call(task, known)
    finally:
        os.umask(mask)  # the function's would be that of the outputs, and may forbid to read them
    results = task.results(returned)
    for name, key, how, type_ in spec["outputs"]:
        task.write(name, key, how, type_, results[name] if how in ("return", "field") else task.given[name])
    task.finish()
    # Output of a task's child processes is looked for only if the task has a directory: the check costs a tenth of a
    # light task.
    if (task.kept is None or _state["made"] == _state["scratch"]) and os.path.isdir(_state["scratch"]):
        import shutil

        shutil.rmtree(_state["scratch"], ignore_errors=True)


def _call(task: _Task) -> Any:
    process = os.getpid()
    try:
        result = task.classes[task.spec["entry"]](**task.given)
    except BaseException as error:
        if os.getpid() != process:
            _end_fork(error)
        if isinstance(error, SystemExit) and error.code in (None, 0):
            return None  # as if the function had returned there
        raise
    if os.getpid() != process:
        _end_fork(None)
    return result


def end_program() -> None:
    """End threads, run exit functions, and write the buffers of open files: what the interpreter does at its end.

    For a task that is too late: its outputs have been read by then.
    """
    for step in (_end_threads, _run_exit_functions, _close_files):
        try:
            step()
        except KeyboardInterrupt:
            raise
        except BaseException:  # an exit function may raise anything, and Python's exit code stays the same
            import traceback

            _tell(traceback.format_exc().rstrip("\n"), "")


def _end_threads() -> None:
    threading: Any = sys.modules.get("threading")
    if threading is not None:
        threading._shutdown()  # what Py_Finalize calls; there is no public name


def _run_exit_functions() -> None:
    import atexit

    atexit._run_exitfuncs()


def _end_call(task: _Task, known: Sequence[Any]) -> None:
    """``end_program`` in a process that continues: only for the threads and the files of the task.

    Workers of a pool wait for more work, and unless this is the main thread, a new one may be another part's.
    """
    pools = getattr(sys.modules.get("concurrent.futures.thread"), "_threads_queues", ())
    new = _threads()
    while new:  # a thread may start another one
        new = [each for each in new if each not in known and not each.daemon and each not in pools]
        for thread in new:
            thread.join()
        new = new and _threads()
    if any(how == "path" or _holds_artifact(type_) for _, _, how, type_ in task.spec["outputs"]):
        here = os.getcwd() if os.path.isdir(".") else task.root  # which the function may have removed
        _close_files(tuple(os.path.realpath(folder) + os.sep for folder in (task.root, here)))


def _threads() -> Sequence[Any]:
    threading: Any = sys.modules.get("threading")
    if threading is None or threading.active_count() == 1 or threading.current_thread() is not threading.main_thread():
        return ()
    return [thread for thread in threading.enumerate() if thread is not threading.main_thread()]


def _close_files(folders: tuple[str, ...] = ()) -> None:
    """Write the buffers of open files, of all or those below some folders, and close those that write more at their end."""
    numbers = _open_below(folders) if folders else None
    if numbers == set():
        return  # looking at all objects of a large program takes as long as a task
    import gc

    found = gc.get_objects()
    kinds = {kind: rank for kind, rank in [(kind, _rank(kind)) for kind in set(map(type, found))] if rank}
    if not kinds:
        return
    standard = [id(stream) for stream in [*_streams, sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__]]
    files = [file for file in found if type(file) in kinds and id(file) not in standard]
    for file in sorted(files, key=lambda file: kinds[type(file)]):
        rank = kinds[type(file)]
        try:
            if numbers is not None and (file.fp if rank == _ARCHIVE else file).fileno() not in numbers:
                continue
            if rank == _ARCHIVE or (rank == _WRAPPER and file.writable()):
                file.close()
            else:
                file.flush()
        except Exception:  # noqa: S110  # closed already, or without a number
            pass


_TEXT, _WRAPPER, _ARCHIVE, _BUFFER = 1, 2, 3, 4  # a file comes before the one that it passes on to


def _rank(kind: type) -> int:
    if kind.__module__ == "zipfile" and kind.__name__ == "ZipFile":
        return _ARCHIVE
    if not issubclass(kind, io.IOBase.__bases__[0]):  # the class in C: an abstract one would remember every class
        return 0
    if issubclass(kind, io.TextIOWrapper):
        return _TEXT
    if issubclass(kind, (io.BufferedWriter, io.BufferedRandom)):
        return _BUFFER
    return 0 if kind.__module__ == "_io" else _WRAPPER


def _open_below(folders: tuple[str, ...]) -> set[int] | None:
    """Numbers of the open files below some folders; None if the system does not tell."""
    place = "/proc/self/fd"
    if not os.path.isdir(place):
        return None
    found = set()
    for number in os.listdir(place):
        try:
            if os.readlink(os.path.join(place, number)).startswith(folders):
                found.add(int(number))
        except OSError:
            pass  # the descriptor of the directory itself
    return found


def _end_fork(error: BaseException | None) -> None:
    """End a child that the function forked and that has left the function: only the task itself has outputs."""
    code = 0 if error is None else 1
    try:
        if isinstance(error, SystemExit):
            code = error.code if isinstance(error.code, int) else 1 if error.code else 0
        elif error is not None:
            import traceback

            _tell("".join(traceback.format_exception(type(error), error, error.__traceback__)).rstrip("\n"), "")
        _flush(sys.stdout, sys.stderr)
    finally:
        os._exit(code & 0xFF)


def main(
    spec: dict[str, Any],
    parameters: list[dict[str, str]],
    root: str = "/tp",
    kept: dict[str, str] | None = None,
    alone: bool = True,
) -> int:
    """Run one task. Return 0; a failure raises ``SystemExit`` with 1 (user code) or 2 (contract violation).

    With ``kept``, the texts of parameter outputs and descriptors are put there by key, not into files. ``alone``: the
    process is the task's own, as in a pod, and its exit functions run before the outputs are read.
    """
    outer = _streams[:]
    own = _streams[:] = [sys.stdout, sys.stderr]
    task = _Task(spec, parameters, root, kept, alone)
    try:
        _run(task)
    except ContractError as error:
        message = "error[{}]: {}".format(error.code, error)
        _tell(message, message)
        task.tell_exit(message)
        raise SystemExit(error.exit_code) from None
    except BaseException as error:  # whatever the user's code raises, SystemExit too
        task.tell_exit(_report(error))
        raise SystemExit(1) from None
    finally:
        _state["scratch"] = ""
        _flush(sys.stdout, sys.stderr)
        sys.stdout, sys.stderr = own  # the interpreter flushes them at its end, and fails if it cannot
        _streams[:] = outer
    return 0


_streams: list[Any] = [None, None]
_LONGEST_MESSAGE = 3500


def _flush(*streams: Any) -> None:
    for stream in streams:
        try:
            stream.flush()
        except Exception:  # noqa: S110  # None, closed, or an object of the user's that can only be written to
            pass


def _report(error: BaseException) -> str:
    import traceback

    loader = getattr(sys.modules.get(MODULE), "__loader__", None)
    if isinstance(loader, _Lines):
        loader.remember()
    trace = error.__traceback__
    while trace and trace.tb_next and trace.tb_frame.f_code.co_filename == _run.__code__.co_filename:
        trace = trace.tb_next
    last = one_line(error)
    line = ""
    for frame, number in traceback.walk_tb(trace):
        if frame.f_code.co_filename in getattr(loader, "files", ()):
            line = " ({}:{})".format(frame.f_code.co_filename, number)
    text = "".join(traceback.format_exception(type(error), error.with_traceback(trace), trace)).rstrip("\n")
    _tell(text, last + line)
    return last + line


def one_line(error: BaseException) -> str:
    r"""The type of an exception and the first line of its message.

    >>> one_line(ValueError("no rows\nin the table"))
    'ValueError: no rows ...'
    """
    if isinstance(error, SystemExit):
        return "SystemExit: the code called sys.exit({!r})".format(error.code)
    kind = type(error)
    name = (
        kind.__qualname__
        if kind.__module__ in ("builtins", "__main__", MODULE)
        else kind.__module__ + "." + kind.__qualname__
    )
    try:
        lines = str(error.msg if isinstance(error, SyntaxError) else error).strip().splitlines()
    except Exception:
        lines = ["<exception str() failed>"]
    return name + (": " + lines[0] if lines else "") + (" ..." if len(lines) > 1 else "")


def _tell(text: str, line: str) -> None:
    _flush(sys.stdout, sys.stderr)
    text = text.encode("utf-8", "backslashreplace").decode() + "\n"
    try:
        _streams[1].write(text)  # the task's own: the function may have replaced, closed or removed sys.stderr
    except Exception:
        os.write(2, text.encode())
    if not line:
        return
    path = os.environ.get("TYPEDPIPE_TERMINATION_LOG", "")
    if path or os.path.exists("/dev/termination-log"):
        try:
            with open(path or "/dev/termination-log", "wb") as file:
                file.write(" ".join(line.split("\n")).encode("utf-8", "backslashreplace")[:_LONGEST_MESSAGE])
        except OSError:
            pass  # the message is on stderr as well


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as _file:
        _job = json.load(_file)
    sys.exit(main(_job["spec"], _job["parameters"], _job["root"]))
