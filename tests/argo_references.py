"""References inside a manifest, by Argo's rules: what is named is there, in reach, and given what it requires.

Argo's controller refuses a workflow that breaks one of these rules, or worse, leaves it running for ever.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_TASK = re.compile(
    r"""tasks(?:\.([A-Za-z0-9_-]+)|\["([^"]+)"\]|\['([^']+)'\])(?:\.outputs\.parameters(?:\.([\w-]+)|\["([^"]+)"\]))?"""
)
_INPUT = re.compile(r"""inputs\.parameters(?:\.([\w-]+)|\["([^"]+)"\])""")
_TASK_NAME = re.compile(r"[a-z][a-z0-9-]*")
_ITEM = re.compile(r"""(?<![\w"'.-])item(?![\w"'-])""")
_TAG = re.compile(r"\{\{.*?\}\}", re.DOTALL)


def faults(documents: Sequence[Mapping[str, Any]]) -> list[str]:
    """Broken references in manifests that are created together."""
    templates: dict[str, Mapping[str, Any]] = {}
    for document in documents:
        spec = document["spec"].get("workflowSpec", document["spec"])
        for template in spec["templates"]:
            assert isinstance(template["name"], str), template["name"]
            templates[template["name"]] = template
    spec = documents[-1]["spec"].get("workflowSpec", documents[-1]["spec"])
    found = [] if spec["entrypoint"] in templates else [f"no entrypoint {spec['entrypoint']!r}"]
    for name, template in templates.items():
        found += [f"{name}: {fault}" for fault in _template(template, templates)]
    return found


def _template(template: Mapping[str, Any], templates: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    declared = _names(template, "inputs")
    tasks = {task["name"]: task for task in template.get("dag", {}).get("tasks", ())}
    if len(tasks) != len(template.get("dag", {}).get("tasks", ())):
        yield "two tasks of one name"
    for text in _texts({key: value for key, value in template.items() if key not in ("inputs", "script")}):
        for name in _matches(_INPUT, text):
            if name not in declared:
                yield f"no input {name!r}"
    above: dict[str, set[str]] = {}
    for name in tasks:
        yield from _order(name, tasks, above, ())
    for name, task in tasks.items():
        if not isinstance(name, str) or not _TASK_NAME.fullmatch(name):
            yield f"bad name of a task: {name!r}"
        if task.get("depends") and task.get("continueOn"):
            yield f"{name}: depends and continueOn exclude one another"
        yield from (f"{name}: {fault}" for fault in _called(task, task, templates))
        plain = {key: value for key, value in task.items() if key not in ("hooks", "depends")}
        yield from (f"{name}: {fault}" for fault in _reach(plain, above.get(name, set()), tasks, templates))
        for hook in task.get("hooks", {}).values():
            yield from (f"{name}, exit: {fault}" for fault in _called(hook, task, templates))
            inside = {*above.get(name, ()), name}
            yield from (f"{name}, exit: {fault}" for fault in _reach(hook, inside, tasks, templates))
    yield from (f"outputs: {fault}" for fault in _reach(template.get("outputs", {}), set(tasks), tasks, templates))


def _order(name: str, tasks: Mapping[str, Any], above: dict[str, set[str]], path: tuple[str, ...]) -> Iterator[str]:
    """Fill ``above`` with everything that a task waits for."""
    if name in above:
        return
    text = tasks[name].get("depends", "")
    if not isinstance(text, str):
        yield f"{name}: depends is {text!r}"
        text = ""
    direct = {part.split(".")[0] for part in re.split(r"\s*(?:&&|\|\||[!()])\s*", text) if part}
    above[name] = set()
    for dep in direct:
        if dep not in tasks:
            yield f"{name}: depends on {dep!r}, which is no task"
        elif dep in path:
            yield f"{name}: depends on itself"
        else:
            yield from _order(dep, tasks, above, (*path, name))
            above[name] |= {dep, *above[dep]}


def _called(
    call: Mapping[str, Any], task: Mapping[str, Any], templates: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    target = _target(call, templates)
    if target is None:
        yield f"no template {call.get('template', call.get('templateRef'))!r}"
        return
    given = {port["name"] for port in call.get("arguments", {}).get("parameters", ())}
    ports = {port["name"]: port for port in target.get("inputs", {}).get("parameters", ())}
    yield from (f"gives {name!r}, which is no input of {target['name']}" for name in sorted(given - ports.keys()))
    for name, port in ports.items():
        if name not in given and "default" not in port and "value" not in port:
            yield f"does not give {name!r} of {target['name']}"
    if "withParam" not in task:
        yield from ("an item outside of a loop" for text in _texts(call) if _ITEM.search(text))


def _reach(
    data: object, above: set[str], tasks: Mapping[str, Any], templates: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    for text in _texts(data):
        for match in _TASK.finditer(text):
            plain, quoted, single, key, quoted_key = match.groups()
            name, key = plain or quoted or single, key or quoted_key
            if name not in above:
                yield f"refers to {name!r}, for which it does not wait"
                continue
            target = _target(tasks[name], templates)
            if key and target is not None and key not in _names(target, "outputs"):
                yield f"{name!r} has no output {key!r}"


def _target(call: Mapping[str, Any], templates: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any] | None:
    name = call["templateRef"]["template"] if "templateRef" in call else call.get("template")
    return templates.get(name) if isinstance(name, str) else None


def _names(template: Mapping[str, Any], side: str) -> set[str]:
    return {port["name"] for port in template.get(side, {}).get("parameters", ())}


def _matches(pattern: re.Pattern[str], text: str) -> Iterator[str]:
    for match in pattern.finditer(text):
        yield next(group for group in match.groups() if group)


def _texts(data: object) -> Iterator[str]:
    """Contents of tags, and expressions."""
    if isinstance(data, str):
        yield from (tag[2:-2] for tag in _TAG.findall(data))
    elif isinstance(data, Mapping):
        for key, value in data.items():
            if key in ("expression", "fromExpression"):
                yield str(value)
            else:
                yield from _texts(value)
    elif isinstance(data, Sequence):
        for value in data:
            yield from _texts(value)
