"""Loading of the user's pipeline from ``FILE[:NAME]`` or ``MODULE:NAME``.

A file that belongs to a package is imported by its dotted name, so that relative imports work and each class has one
identity; any other file is executed as a module with its own name, never as ``__main__``. Output of the import goes to
stderr, and its errors become diagnostics at the user's line.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Generator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from importlib import import_module
from types import ModuleType, TracebackType
from typing import Any

from typedpipe.cli.shadowing import hidden_module
from typedpipe.diagnostics.errors import PipelineError
from typedpipe.diagnostics.model import NOWHERE, Diagnostic, Diagnostics, Label, Span
from typedpipe.diagnostics.source import display_path, resolve_spans
from typedpipe.runtime.task import one_line


@dataclass(frozen=True, slots=True)
class Target:
    """A parsed target: a file or a module, and optionally one pipeline in it."""

    file: str = ""
    module: str = ""
    name: str = ""

    def __str__(self) -> str:
        return self.module or display_path(self.file)


@dataclass(slots=True)
class Loaded:
    """An imported file and the pipelines that it defines, in order."""

    target: Target
    module: ModuleType | None = None
    pipelines: list[Any] = field(default_factory=list[Any])


def parse_target(text: str, report: Diagnostics) -> Target | None:
    """Parse a target; None if there is no such file, which is reported."""
    if os.path.isfile(text):
        return Target(file=os.path.abspath(text))
    path, colon, name = text.rpartition(":")
    if colon and os.path.isfile(path):
        return Target(file=os.path.abspath(path), name=name)
    where = path if colon else text
    if where.endswith(".py") or os.sep in where or os.path.isdir(where):
        _no_file(where, report)
        return None
    if not all(part.isidentifier() for part in where.split(".")):
        _no_file(where, report)
        return None
    return Target(module=where, name=name if colon else "")


def _no_file(path: str, report: Diagnostics) -> None:
    from difflib import get_close_matches

    if os.path.isdir(path):
        message, near = f"`{path}` is a directory, not a file", []
    else:
        message = f"there is no file `{path}`"
        folder = os.path.dirname(path) or "."
        names = [name for name in os.listdir(folder) if name.endswith(".py")] if os.path.isdir(folder) else []
        near = get_close_matches(os.path.basename(path), names, 1)
    help_ = (
        f"did you mean `{os.path.join(os.path.dirname(path), near[0])}`?"
        if near
        else "use FILE, FILE:NAME or MODULE:NAME"
    )
    report.error("TP180", message, NOWHERE, help=help_)


def load(text: str, report: Diagnostics) -> Loaded | None:
    """Import a target and report the diagnostics of its decorators; None if nothing could be loaded."""
    from typedpipe.dsl.tracing import collecting

    target = parse_target(text, report)
    if target is None:
        return None
    loaded = Loaded(target)
    with _stdout_to_stderr(), collecting(report) as collected:
        try:
            loaded.module = _import(target)
        except SyntaxError as error:
            _syntax_error(error, target, report)
        except SystemExit as error:
            _raised(
                "TP183",
                f"`{target}` exits during import: SystemExit({error.code!r})",
                error,
                target,
                report,
            )
        except PipelineError as error:
            for item in error.diagnostics:
                report.add(item)
        except Exception as error:  # noqa: BLE001 - the user's code may raise anything
            _exception(error, target, report)
    file = target.file or getattr(loaded.module, "__file__", None) or ""
    loaded.pipelines = [handle for handle in collected.pipelines if _same_file(handle.file, file)]
    return loaded


def _same_file(one: str, other: str) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


@contextmanager
def _stdout_to_stderr() -> Generator[None]:
    """Keep output of the import, also from C or a child process, out of the command's own data on stdout."""
    sys.stdout.flush()
    real = sys.stdout is sys.__stdout__ and _is_descriptor(sys.stdout, 1)
    kept = os.dup(1) if real else -1
    if real:
        os.dup2(2, 1)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        sys.stderr.flush()
        if real:
            os.dup2(kept, 1)
            os.close(kept)


def _is_descriptor(stream: Any, number: int) -> bool:
    try:
        return bool(stream.fileno() == number)
    except (OSError, ValueError, AttributeError):
        return False


def _import(target: Target) -> ModuleType:
    if target.module:
        _search_first(os.getcwd())
        return import_module(target.module)
    folder, name = os.path.split(target.file)
    parts = [os.path.splitext(name)[0]]
    while os.path.isfile(os.path.join(folder, "__init__.py")):
        folder, package = os.path.split(folder)
        parts.insert(0, package)
    _search_first(folder)
    if len(parts) > 1:
        return import_module(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return _execute(target.file, parts[0])


def _search_first(folder: str) -> None:
    if folder not in sys.path:
        sys.path.insert(0, folder)


def _execute(file: str, stem: str) -> ModuleType:
    """Execute a file as a module with a unique name: the file's own stem if that is free."""
    from importlib.util import module_from_spec, spec_from_file_location

    name = (
        stem
        if stem.isidentifier() and stem not in sys.modules and stem not in sys.stdlib_module_names
        else f"user_{stem}"
    )
    while name in sys.modules:
        name += "_"
    if file.endswith(".ipynb"):  # JSON, which can be valid Python
        raise SyntaxError("a notebook", (file, 0, 0, ""))
    with open(file, "rb") as stream:
        data = stream.read()
    code = compile(data, file, "exec", dont_inherit=True)
    _check_encoding(data, file)
    spec = spec_from_file_location(name, file)
    module = module_from_spec(spec) if spec is not None else ModuleType(name)
    module.__file__ = file
    sys.modules[name] = module
    exec(code, module.__dict__)  # noqa: S102 - running the user's file is the purpose
    return module


def _check_encoding(data: bytes, file: str) -> None:
    """Refuse what `python FILE` refuses and `compile` accepts: bytes that are not UTF-8, in comments of a file."""
    from importlib.util import decode_source

    try:
        decode_source(data)
    except (UnicodeDecodeError, SyntaxError):
        text = data.decode("utf-8", "surrogateescape")
        line = next(
            n for n, each in enumerate(text.split("\n"), start=1) if any("\udc80" <= c <= "\udcff" for c in each)
        )
        message = "not UTF-8: save the file as UTF-8, or declare its encoding in the first line: `# coding: latin-1`"
        raise SyntaxError(message, (file, line, 0, "")) from None


# ------------------------------------------------------------------------------------- what goes wrong in it


def _syntax_error(error: SyntaxError, target: Target, report: Diagnostics) -> None:
    file = display_path(error.filename) if error.filename else str(target)
    if file.endswith(".ipynb"):
        _notebook(file, report)
        return
    line, column = error.lineno or 0, error.offset or 0
    end_line, end_column = error.end_lineno or 0, error.end_offset or 0
    known_end = line and end_line >= line and end_column > 0
    span = Span(file, line, max(column, 0), end_line if known_end else 0, end_column if known_end else 0)
    report.error("TP181", f"`{file}` has a syntax error", span, error.msg)


def _notebook(file: str, report: Diagnostics) -> None:
    script = os.path.splitext(file)[0] + ".py"
    report.error(
        "TP181",
        f"`{file}` is a notebook, not a file of Python source",
        Span(file),
        help="run its cells: a component or pipeline with errors reports them there, and `main.compile(...)` reports the "
        f"rest; or move the definitions into a file: `jupyter nbconvert --to script {file}` writes `{script}`",
    )


def _exception(error: Exception, target: Target, report: Diagnostics) -> None:
    if any(item.code == "TP190" for item in report):
        return  # it may follow from that: a run that was not started has no outputs
    hidden = hidden_module(error)
    if hidden is not None:
        report.add(hidden)
    elif isinstance(error, ModuleNotFoundError):
        _module_not_found(error, target, report)
    else:
        line = one_line(error)
        help_ = _instead(error) or _undefined(error)
        _raised("TP182", f"`{target}` raises during import: {line}", error, target, report, help_)


def _undefined(error: Exception) -> str:
    """The fix for a name that its own file defines further below, or not at all."""
    sites = _user_sites(error)
    if not isinstance(error, NameError) or not error.name or not sites:
        return ""
    from typedpipe.dsl.source.files import parsed_file

    at = sites[-1]
    parsed = parsed_file(at.tb_frame.f_code.co_filename)
    later = parsed.definition(error.name) if parsed is not None else None
    if later is not None and later.lineno > at.tb_lineno:
        return f"`{error.name}` is defined below, in line {later.lineno}: move its definition above this line"
    return f"import or define `{error.name}` above this line"


def _module_not_found(error: ModuleNotFoundError, target: Target, report: Diagnostics) -> None:
    missing = error.name or ""
    if (
        target.module
        and (missing == target.module or target.module.startswith(f"{missing}."))
        and not _user_sites(error)
    ):
        report.error(
            "TP180", f"there is no module `{target.module}`", NOWHERE, help="use FILE, FILE:NAME or MODULE:NAME"
        )
        return
    help_ = _instead(error) or (
        f"install `{missing.partition('.')[0]}` in the environment of typedpipe, or import it inside the component that uses it"
    )
    _raised("TP182", f"`{target}` raises during import: ModuleNotFoundError: {error}", error, target, report, help_)


def _instead(error: Exception) -> str:
    """Suggested replacement for a name that KFP has and typedpipe does not."""
    from typedpipe.dsl.absent import instead

    return instead(error)


def _raised(
    code: str, message: str, error: BaseException, target: Target, report: Diagnostics, help_: str = ""
) -> None:
    from typedpipe.cli.exits import wants_traceback

    if wants_traceback():
        traceback.print_exception(error, file=sys.stderr)
    sites = _user_sites(error)
    spans = resolve_spans([(tb.tb_frame.f_code, tb.tb_lasti) for tb in sites])
    own = [span for span in spans if not target.file or _same_file(span.file, target.file)]
    place = own[-1] if own else spans[-1] if spans else NOWHERE
    last = spans[-1] if spans else NOWHERE
    others = (Label(last, "raised here"),) if last != place else ()
    default = {
        "TP182": "code at module level runs during import and must not raise; move work into components",
        "TP183": 'move the code of the script under `if __name__ == "__main__":`',
    }
    report.add(Diagnostic(code, message, Label(place), others, help=help_ or default[code]))


def _user_sites(error: BaseException) -> list[TracebackType]:
    """Frames of the user's code, outermost first: those above and below belong to Python or typedpipe."""
    ours = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
    found: list[TracebackType] = []
    step = error.__traceback__
    while step is not None:
        file = step.tb_frame.f_code.co_filename
        if not file.startswith((ours, "<frozen ")) and not file.startswith(
            os.path.dirname(os.__file__) + os.sep + "importlib"
        ):
            found.append(step)
        step = step.tb_next
    return found
