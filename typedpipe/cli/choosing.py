"""Selection of one of a file's pipelines."""

from __future__ import annotations

from typing import Any

from typedpipe.cli.diagnostics import stop_on_errors
from typedpipe.cli.loading import Loaded, load
from typedpipe.diagnostics.model import NOWHERE, Diagnostics, Label, Span
from typedpipe.diagnostics.source import display_path
from typedpipe.ir import nodes as ir

_OWN_NAME = "give each pipeline a unique name"


def load_pipeline(text: str, form: str = "text") -> ir.Pipeline:
    """The traced IR of the pipeline that a target names; ends the command with diagnostics if there is none."""
    report = Diagnostics()
    loaded = load(text, report)
    handle = choose(loaded, report) if loaded is not None else None
    if report.has_errors and handle is not None and handle.traced is not None:
        from typedpipe.compiler import driver

        driver.report_errors(handle.traced, report)
    stop_on_errors(report, form)
    if handle is None or handle.ir is None:
        raise RuntimeError(f"{text}: the pipeline has no IR, and nothing was reported")
    traced: ir.Pipeline = handle.ir
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
    if len(tops) > 1 and len({handle.name for handle in tops}) == 1:
        _same_name(tops, loaded, report)
        return None
    names = ", ".join(f"`{handle.name}`" for handle in tops or pipelines)
    example = (tops or pipelines)[0].name
    report.error(
        "TP185",
        f"there are {len(tops or pipelines)} pipelines in `{target}`: {names}",
        _place(tops or pipelines),
        others=[Label(_span(handle), "") for handle in (tops or pipelines)[1:]],
        help=f"select one, such as `{target}:{example}`" if len({h.name for h in tops}) == len(tops) else _OWN_NAME,
    )
    return None


def check_names(loaded: Loaded, report: Diagnostics) -> None:
    """Report pipelines of a file with the same name: none of them can be compiled or run."""
    named: dict[str, list[Any]] = {}
    for handle in _tops(loaded.pipelines):
        named.setdefault(handle.name, []).append(handle)
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
    report.error(
        "TP185",
        f"there are {len(found)} pipelines named `{found[0].name}` in `{loaded.target}`",
        _span(found[0]),
        others=[Label(_span(handle), "") for handle in found[1:]],
        help=_OWN_NAME,
    )


def _named(loaded: Loaded, report: Diagnostics) -> Any:
    name = loaded.target.name
    found = [handle for handle in loaded.pipelines if handle.name == name]
    found = found or [handle for handle in loaded.pipelines if handle.__name__ == name]
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


def _place(handles: list[Any]) -> Span:
    return _span(handles[0])
