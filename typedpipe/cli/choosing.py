"""Selection among a file's pipelines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from typedpipe.cli.diagnostics import stop_on_errors
from typedpipe.cli.loading import Loaded, load
from typedpipe.diagnostics.model import NOWHERE, Diagnostics, Label, Span
from typedpipe.diagnostics.source import display_path
from typedpipe.ir import nodes as ir

_OWN_NAME = "give each pipeline a unique name"


def load_pipeline(text: str, form: str = "text") -> ir.Pipeline:
    """The traced IR of the pipeline that a target names; ends the command with diagnostics if there is none."""
    (traced,) = load_pipelines([text], form)
    return traced


def load_pipelines(texts: Sequence[str], form: str = "text", *, every: bool = False) -> list[ir.Pipeline]:
    """The traced IR of the pipelines that targets name, one each; ends the command with diagnostics if one has none.

    With ``every``, a file without a name stands for each of its pipelines that no other one uses.
    """
    report = Diagnostics()
    traced: list[ir.Pipeline] = []
    chosen: list[Any] = []
    for text in texts:
        loaded = load(text, report)
        if loaded is None:
            continue
        tops = _tops(loaded.pipelines)
        if every and len(tops) > 1 and not loaded.target.name:
            check_names(loaded, report)
        else:
            tops = [choose(loaded, report)]
        chosen += [handle for handle in tops if handle is not None]
    traced += [handle.ir for handle in chosen if handle.ir is not None]
    if report.has_errors:
        from typedpipe.compiler import driver

        for handle in chosen:
            if handle.traced is not None:
                driver.report_errors(handle.traced, report)
    stop_on_errors(report, form)
    if len(traced) < len(texts):
        raise RuntimeError(f"{', '.join(texts)}: a pipeline has no IR, and nothing was reported")
    return traced


def choose(loaded: Loaded, report: Diagnostics) -> Any:
    """The selected pipeline; None if it is ambiguous, which is reported."""
    target, pipelines = loaded.target, loaded.pipelines
    if target.name:
        return _named(loaded, report)
    tops = _tops(pipelines)
    if len(tops) == 1:
        return tops[0]
    if loaded.module is None or report.has_errors:
        return None
    if not pipelines:
        report.error(
            "TP184",
            f"there is no pipeline in `{target}`",
            _file(loaded),
            help="decorate a function with `@pipeline`; to use an imported pipeline, pass MODULE:NAME of the module that defines it",
        )
        return None
    several = tops or pipelines
    names = _names(several)
    report.error(
        "TP185",
        f"there are {len(several)} pipelines in `{target}`: {', '.join(f'`{name}`' for name in names)}",
        _span(several[0]),
        others=[Label(_span(handle), "") for handle in several[1:]],
        help=f"select one, such as `{target}:{names[0]}`" if len(set(names)) == len(names) else _OWN_NAME,
    )
    return None


def _names(handles: list[Any]) -> list[str]:
    """The name by which each can be selected: that of the function where several pipelines have one name."""
    count = Counter(handle.name for handle in handles)
    return [handle.name if count[handle.name] == 1 else handle.__name__ for handle in handles]


def check_names(loaded: Loaded, report: Diagnostics) -> None:
    """Report pipelines of a file that cannot be told apart, by their name or that of their function."""
    named: dict[str, list[Any]] = {}
    tops = _tops(loaded.pipelines)
    for name, handle in zip(_names(tops), tops, strict=True):
        named.setdefault(name, []).append(handle)
    for found in named.values():
        if len(found) > 1:
            _same_name(found, loaded, report)


def _tops(pipelines: list[Any]) -> list[Any]:
    """Pipelines that no other one uses."""
    return [
        handle
        for handle in pipelines
        if not any(handle.name in other.uses for other in pipelines if other is not handle)
    ]


def _same_name(found: list[Any], loaded: Loaded, report: Diagnostics) -> None:
    functions = [handle.__name__ for handle in found]
    apart = len(set(functions)) == len(functions)
    report.error(
        "TP185",
        f"there are {len(found)} pipelines named `{found[0].name}` in `{loaded.target}`",
        _span(found[0]),
        others=[Label(_span(handle), "") for handle in found[1:]],
        help=f"select one by its function, such as `{loaded.target}:{functions[0]}`" if apart else _OWN_NAME,
    )


def _named(loaded: Loaded, report: Diagnostics) -> Any:
    name = loaded.target.name
    found = [handle for handle in loaded.pipelines if handle.name == name]
    by_function = [handle for handle in loaded.pipelines if handle.__name__ == name]
    if len(found) != 1 and len(by_function) == 1:
        return by_function[0]
    found = found or by_function
    if len(found) == 1:
        return found[0]
    if found:
        _same_name(found, loaded, report)
        return None
    imported = getattr(loaded.module, name, None)
    if hasattr(imported, "ir") and hasattr(imported, "uses"):
        return imported
    if report.has_errors:
        return None  # it may be the one that could not be created
    from typedpipe.diagnostics.words import nearest

    names = [handle.name for handle in loaded.pipelines]
    near = nearest(name, names)
    known = f"the pipelines are {', '.join(f'`{item}`' for item in names)}" if names else "there are no pipelines in it"
    help_ = f"did you mean `{loaded.target}:{near}`?" if near else known
    report.error("TP186", f"there is no pipeline `{name}` in `{loaded.target}`", _file(loaded), help=help_)
    return None


def _span(handle: Any) -> Span:
    if handle.traced is not None and handle.traced.span != NOWHERE:
        span: Span = handle.traced.span
        return span
    return Span(display_path(handle.file))


def _file(loaded: Loaded) -> Span:
    return Span(display_path(loaded.target.file)) if loaded.target.file else NOWHERE
