"""The owner of the key ``kubernetes``: reads the data of a task, and adds it to the task's pod."""

from __future__ import annotations

from typing import Any

from typedpipe.compiler.pod import Pod
from typedpipe.kubernetes.settings import SETTINGS


class Kubernetes:
    """The extension."""

    def problems(self, data: Any) -> list[tuple[str, str]]:
        """Errors in the data: messages, each with a help text.

        >>> extension.problems({"imagePullPolicy": "Sometimes", "podMetadata": {"labels": {"a": "b"}}})
        [("'Sometimes' does not fit", 'type "Always", "IfNotPresent" or "Never"')]
        """
        found: list[tuple[str, str]] = []
        for path, value in _leaves(data):
            setting = next((each for each in SETTINGS if each.path == path[: len(each.path)]), None)
            if setting is None:
                found.append((f"no setting `{'.'.join(path)}` is known", "install a newer typedpipe"))
            else:
                problem = setting.problem(path[len(setting.path) :], value)
                found += [(f"{problem[0]!r} does not fit", f"type {problem[1]}")] if problem else []
        return found

    def merge(self, data: Any, pod: Pod) -> None:
        """Add the settings to a task's pod."""
        for path, value in _leaves(data):
            for setting in SETTINGS:
                if setting.path == path[: len(setting.path)]:
                    setting.merge(path[len(setting.path) :], value, pod)


def _leaves(data: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    if not isinstance(data, dict):
        return [(path, data)]
    return [leaf for key, value in data.items() for leaf in _leaves(value, (*path, key))]


extension = Kubernetes()
