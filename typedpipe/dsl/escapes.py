"""Reports of exceptions that leave a pipeline's function while it is traced."""

from __future__ import annotations

import ast
import re
from typing import Any

from typedpipe.diagnostics.errors import PipelineError
from typedpipe.diagnostics.model import Label
from typedpipe.dsl import absent
from typedpipe.dsl.marker_form import shown
from typedpipe.dsl.source.files import Function, ParsedFile, source_of
from typedpipe.dsl.tracing import current, error, exception_line, sink, user_site
from typedpipe.dsl.values import markers

_WRONG_CALL = re.compile(r"missing \d+ required|unexpected keyword|positional argument|multiple values")
_TEXT_HELP = "`{…}` is known only when the pipeline runs: you can pass an f-string that contains it to a component, but not read or convert it here"
_PLAIN_HELP = "the function of a pipeline runs once, when it is defined; code other than component calls must not raise"


def report_escaped(problem: Exception, fn: Any) -> None:
    """Report an exception of the user's code, or of Python about a pipeline value."""
    if isinstance(problem, PipelineError):
        report = sink()
        for diagnostic in problem.diagnostics:
            if report is not None:
                report.add(diagnostic)
        return
    trace = current()
    if trace is not None and trace.aborted:
        return
    line = exception_line(problem)
    text = shown(line)
    if text != line:
        site = user_site(problem, fn.__code__.co_filename)
        if trace is not None:
            markers.told(trace)
            if trace.decided:
                return
        error("TP119", f"the pipeline `{fn.__name__}` raises {text}", site, help=_TEXT_HELP)
        return
    if not (_json(problem, text, fn) or _too_early(problem, fn)):
        site = user_site(problem, fn.__code__.co_filename)
        error("TP119", f"the pipeline `{fn.__name__}` raises {text}", site, help=_help(problem, text))


def _help(problem: Exception, text: str) -> str:
    if "expected str instance, `pipeline value`" in text:
        return 'convert each pipeline value to text first: `", ".join([f"{a}", f"{b}"])`'
    if "pipeline value" in text or type(problem).__name__ == "ValidationError":
        return (
            "a pipeline value is known only when the pipeline runs, so Python functions cannot use it: pass it to a component; "
            "to build a pydantic model, pass its fields to a component"
        )
    if found := absent.instead(problem):
        return found
    if isinstance(problem, TypeError) and _WRONG_CALL.search(text):
        return "pass the arguments that the function takes"
    if "Task'" in text:
        return "a task is not a value: pass, compare or index its output, `task.output`"
    return _PLAIN_HELP


# ------------------------------------------------------------------------------------------------ JSON


def _json(problem: Exception, text: str, fn: Any) -> bool:
    """Report a value or a task that was to be serialized as JSON; return whether this was the cause."""
    step = problem.__traceback__
    while step is not None and step.tb_next is not None:
        step = step.tb_next
    module = step.tb_frame.f_globals.get("__name__", "") if step is not None else ""
    if not isinstance(problem, TypeError) or not (module.startswith("json.") or "JSON" in text):
        return False
    a_task = " Task " in f"{text} "
    if not a_task and "pipeline value" not in text:
        return False
    site = user_site(problem, fn.__code__.co_filename)
    if a_task:
        message = "a task cannot be serialized as JSON"
        help_ = 'pass its output to a component; it can be inside a list or dict: `say(value={"a": task.output})`'
    else:
        message = "this value is known only when the pipeline runs, so it cannot be serialized as JSON here"
        help_ = (
            'pass it to a component and serialize it there; it can be inside a list or dict: `say(value={"n": n})`; '
            'to insert a value into text, use an f-string: `f"n={n}"`'
        )
    error("TP154", message, site, help=help_)
    return True


# ------------------------------------------------------------------------------------------------ recursion


def _too_early(problem: Exception, fn: Any) -> bool:
    """Report a use of a name defined at or below the pipeline; return whether this was the cause."""
    name = getattr(problem, "name", None)
    parsed = source_of(fn)
    if not isinstance(problem, NameError) or not name or parsed is None or name in fn.__globals__:
        return False
    site = user_site(problem, fn.__code__.co_filename)
    way = [fn.__name__] if name == fn.__name__ else _way(name, fn.__name__, parsed)
    if way:
        chain = " → ".join(f"`{step}`" for step in [fn.__name__, *way])
        others = [Label(parsed.header(node), "") for step in way[:-1] for node in _defined(step, parsed)]
        error(
            "TP304",
            f"the pipeline `{fn.__name__}` calls itself: {chain}",
            site,
            "the recursion never ends",
            others=others,
            help="recursion is not supported, because a pipeline has a fixed number of tasks: use `dsl.ParallelFor` to repeat tasks "
            "for each item, and put other repetition into a component",
        )
        return True
    later = parsed.definition(name)
    if later is not None and later.lineno > fn.__code__.co_firstlineno:
        where = [Label(parsed.header(later), "defined here, after its use")]
        message = f"the pipeline `{fn.__name__}` uses `{name}`, which is not defined yet"
        error("TP119", message, site, others=where, help=f"move the definition of `{name}` above `{fn.__name__}`")
        return True
    return False


def _way(start: str, goal: str, parsed: ParsedFile) -> list[str]:
    """The shortest call chain from one function of the file to another, both included; [] if there is none."""
    ways = [[start]]
    seen = {start}
    for way in ways:
        for node in _defined(way[-1], parsed):
            for name in _called(node):
                if name == goal:
                    return [*way, goal]
                if name not in seen:
                    seen.add(name)
                    ways.append([*way, name])
    return []


def _defined(name: str, parsed: ParsedFile) -> list[Function]:
    """Module-level functions with this name."""
    return [node for (_, known), node in parsed.functions.items() if known == name and node.col_offset == 0]


def _called(function: Function) -> list[str]:
    """Names that a function calls, except its own."""
    own = {arg.arg for arg in ast.walk(function.args) if isinstance(arg, ast.arg)}
    own |= {node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    calls = [node.func for node in ast.walk(function) if isinstance(node, ast.Call)]
    return [func.id for func in calls if isinstance(func, ast.Name) and func.id not in own]
