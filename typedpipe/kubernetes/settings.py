"""Settings: for each, a function and a row with the path of its data, its valid values and its effect on a pod.

The data has the form of KFP's own ``KubernetesExecutorConfig`` in JSON.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from typedpipe.compiler.pod import Pod
from typedpipe.dsl.marker_form import present
from typedpipe.dsl.nodes.task import Task
from typedpipe.dsl.tracing import current, error
from typedpipe.dsl.values import markers
from typedpipe.dsl.values.value import PipelineValue

T = TypeVar("T", bound=Task[Any])
Keys: TypeAlias = tuple[str, ...]
Problem: TypeAlias = tuple[object, str]
"""The invalid value, and a suggested fix."""

KEY = "kubernetes"
"""The key of the settings in the IR."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A row. The data below ``path`` is a value, or values by key."""

    path: tuple[str, ...]
    problem: Callable[[Keys, Any], Problem | None]
    merge: Callable[[Keys, Any, Pod], None]


_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_PREFIX = re.compile(r"(?=.{1,253}\Z)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*")
_TAKEN = ("typedpipe.dev", "workflows.argoproj.io")
_WANTED_NAME = "at most 63 letters, digits and `-_.`, with a letter or digit at both ends"
_WANTED_KEY = f'a key such as "team" or "example.com/team"; its name has {_WANTED_NAME}'


def _key_problem(key: object) -> Problem | None:
    prefix, slash, name = key.rpartition("/") if isinstance(key, str) else ("", "", "")
    if not _NAME.fullmatch(name) or (slash and not _PREFIX.fullmatch(prefix)):
        return key, _WANTED_KEY
    if prefix in _TAKEN:
        return key, f"a key of your own: typedpipe and Argo set those of `{prefix}`"
    return None


def _label_problem(keys: Keys, value: object) -> Problem | None:
    if len(keys) != 1:
        return value, "one value for each key"
    if not isinstance(value, str) or (value and not _NAME.fullmatch(value)):
        return value, f"a label's value as text: {_WANTED_NAME}"
    return _key_problem(keys[0])


def _annotation_problem(keys: Keys, value: object) -> Problem | None:
    if len(keys) != 1:
        return value, "one value for each key"
    if not isinstance(value, str) or "{{" in value:
        return value, "text without `{{`, which engines read as a tag"
    if any("\ud800" <= c <= "\udfff" for c in value):
        return value, "text that UTF-8 can encode"
    return _key_problem(keys[0])


# ------------------------------------------------------------------------------------------------- labels of pods


def _merge_label(keys: Keys, value: Any, pod: Pod) -> None:
    pod.labels[keys[0]] = value


POD_LABEL = Setting(("podMetadata", "labels"), _label_problem, _merge_label)


def add_pod_label(task: T, label_key: str, label_value: str) -> T:
    """Add a label to the task's pod."""
    return _set("add_pod_label", task, POD_LABEL, label_value, label_key)


# -------------------------------------------------------------------------------------------- annotations of pods


def _merge_annotation(keys: Keys, value: Any, pod: Pod) -> None:
    pod.annotations[keys[0]] = value


POD_ANNOTATION = Setting(("podMetadata", "annotations"), _annotation_problem, _merge_annotation)


def add_pod_annotation(task: T, annotation_key: str, annotation_value: str) -> T:
    """Add an annotation to the task's pod."""
    return _set("add_pod_annotation", task, POD_ANNOTATION, annotation_value, annotation_key)


# --------------------------------------------------------------------------------------------------------- nodes


def _merge_node_selector(keys: Keys, value: Any, pod: Pod) -> None:
    pod.spec.setdefault("nodeSelector", {})[keys[0]] = value


NODE_SELECTOR = Setting(("nodeSelector", "labels"), _label_problem, _merge_node_selector)


def add_node_selector(task: T, label_key: str, label_value: str) -> T:
    """Run the task only on nodes with the label."""
    return _set("add_node_selector", task, NODE_SELECTOR, label_value, label_key)


# -------------------------------------------------------------------------------------------------------- images

_POLICIES = ("Always", "IfNotPresent", "Never")


def _policy_problem(keys: Keys, value: object) -> Problem | None:
    return (value, '"Always", "IfNotPresent" or "Never"') if keys or value not in _POLICIES else None


def _merge_policy(_keys: Keys, value: Any, pod: Pod) -> None:
    pod.container["imagePullPolicy"] = value


IMAGE_PULL_POLICY = Setting(("imagePullPolicy",), _policy_problem, _merge_policy)


def set_image_pull_policy(task: T, policy: str) -> T:
    """Set when the node pulls the task's image: ``"Always"``, ``"IfNotPresent"`` or ``"Never"``."""
    return _set("set_image_pull_policy", task, IMAGE_PULL_POLICY, policy)


# --------------------------------------------------------------------------------------------------------- common

SETTINGS = (POD_LABEL, POD_ANNOTATION, NODE_SELECTOR, IMAGE_PULL_POLICY)


def _is_late(given: object) -> bool:
    """Whether it is a pipeline value, or text that contains one."""
    return isinstance(given, PipelineValue) or (isinstance(given, str) and present(given))


def _set(function: str, task: T, setting: Setting, value: object, *keys: str) -> T:
    first: object = task  # untyped: the value comes from a user's file
    if not isinstance(first, Task):
        error("TP117", f"`{function}()` takes a task first", help="pass the task, not its output")
        return task
    if any(_is_late(given) for given in (*keys, value)):
        markers.told(current())
        message = f"`{function}()` takes no value of the pipeline"
        error("TP117", message, help="type the text itself: it is needed when the pipeline is compiled")
        return task
    found = setting.problem(keys, value)
    if found is not None:
        given, wanted = found
        error("TP117", f"`{function}()` does not accept {given!r}", help=f"use {wanted}")
        return task
    data: Any = value
    for part in reversed((*setting.path, *keys)):
        data = {part: data}
    task._extend(KEY, data)
    return task
