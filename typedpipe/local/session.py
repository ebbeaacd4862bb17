"""KFP's API for local runs: after ``local.init(...)``, calling a component or a pipeline runs it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from typedpipe.dsl.tracing import Site, fatal
from typedpipe.hooks import HOOKS


@dataclass(frozen=True)
class SubprocessRunner:
    """Runs each task in its own process.

    Args:
        use_venv: In a virtual environment with the component's packages, created on first use. False: with this
            Python and its installed packages.
        serialize_pip_installs: Accepted for KFP and ignored; equal environments are created one after the other.
        max_concurrent_pip_installs: Accepted for KFP and ignored, as above.

    >>> SubprocessRunner(use_venv=False).use_venv
    False
    """

    use_venv: bool = True
    serialize_pip_installs: bool = True
    max_concurrent_pip_installs: int = 1


class DockerRunner:
    """Runs each task in a container of its component's image.

    Args:
        max_concurrent_pip_installs: Accepted for KFP and ignored.
        docker_run_args: ``environment``, environment variables for all tasks, as a mapping or a list of ``NAME=value``.

    Raises:
        PipelineError: another argument of ``docker run`` is passed.
    """

    def __init__(self, max_concurrent_pip_installs: int = 1, **docker_run_args: Any) -> None:
        self.max_concurrent_pip_installs = max_concurrent_pip_installs
        self.environment = _variables(docker_run_args.pop("environment", {}))
        for name in docker_run_args:
            fatal(
                "TP662",
                f"`DockerRunner` does not support the argument `{name}`",
                help="only `environment` is supported; set the CPU, memory and environment variables of a task in the pipeline",
            )


def _variables(given: object) -> dict[str, str]:
    pairs: list[Any]
    if isinstance(given, Mapping):
        pairs = list(given.items())
    elif isinstance(given, list | tuple):
        pairs = [item.partition("=")[::2] if isinstance(item, str) else tuple(item) for item in given]
    else:
        fatal(
            "TP662", f"`environment` must be a mapping, not {given!r}", help='for example `environment={"SEED": "1"}`'
        )
    return {str(name): str(value) for name, value in pairs}


@dataclass(frozen=True, slots=True)
class Session:
    """The arguments of :func:`init`."""

    runner: SubprocessRunner | DockerRunner
    folder: str
    raise_on_error: bool
    enable_caching: bool

    @property
    def options(self) -> dict[str, Any]:
        """Options of its runs."""
        kind = "docker" if isinstance(self.runner, DockerRunner) else "venv" if self.runner.use_venv else "process"
        cache = None if self.enable_caching else False
        return {"runner": kind, "folder": self.folder, "cache": cache, "raise_on_error": self.raise_on_error}

    def call(self, callee: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], site: Site) -> Any:
        """Run a component or a pipeline, and wait for its end."""
        from typedpipe.local.calls import run_call  # the engine is loaded by the first call

        return run_call(callee, args, dict(kwargs), site, self.options, self.environment)

    @property
    def environment(self) -> Mapping[str, str]:
        """Environment variables for all tasks."""
        return self.runner.environment if isinstance(self.runner, DockerRunner) else {}


def init(
    runner: SubprocessRunner | DockerRunner,
    pipeline_root: str | os.PathLike[str] = "./local_outputs",
    workspace_root: str | None = None,  # noqa: ARG001 - KFP's programs pass it
    raise_on_error: bool = True,
    enable_caching: bool = False,
    cache_root: str | None = None,  # noqa: ARG001 - as above
) -> None:
    """Make calls of components and pipelines outside a pipeline run locally from now on.

    Args:
        runner: :class:`SubprocessRunner` or :class:`DockerRunner`.
        pipeline_root: Directory of the store.
        workspace_root: Accepted for KFP and ignored; there are no workspaces.
        raise_on_error: False: a failed call returns a task with ``.state`` and ``.error_message``.
        enable_caching: Reuse the results of equal tasks in earlier runs.
        cache_root: Accepted for KFP and ignored; the cache is part of ``pipeline_root``.

    Raises:
        PipelineError: the runner is not supported.

    >>> from typedpipe import dsl, local
    >>> @dsl.component
    ... def add(a: int, b: int) -> int:
    ...     return a + b
    >>> local.init(local.SubprocessRunner(use_venv=False))
    >>> add(a=1, b=add(a=2, b=3).output).output
    6
    >>> local.session.end()
    """
    given: Any = runner  # untyped: the value comes from a user's file
    if not isinstance(given, SubprocessRunner | DockerRunner):
        what = f"the class `{given.__name__}`" if isinstance(given, type) else repr(given)
        fatal(
            "TP662",
            f"the runner of `local.init` must be a `SubprocessRunner` or a `DockerRunner`, not {what}",
            help="for example `local.init(runner=local.SubprocessRunner(use_venv=False))`",
        )
    HOOKS.session = Session(runner, os.fspath(pipeline_root), raise_on_error, enable_caching)


def end() -> None:
    """End the session: calls outside a pipeline are errors again."""
    HOOKS.session = None
