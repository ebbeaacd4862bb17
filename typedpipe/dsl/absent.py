"""Names in KFP that typedpipe does not have, with suggested replacements."""

from __future__ import annotations

import re
from types import ModuleType

from typedpipe.diagnostics.words import nearest
from typedpipe.hooks import HOOKS

_PACKAGE = "typedpipe"
_IMPORT = r"cannot import name '(\w+)' from '([\w.]+)'"
_MODULE = r"No module named '([\w.]+)'"
_CLUSTER = "remove it: `typedpipe compile FILE` writes a manifest for `kubectl create -f`"
_YAML = "import the component's Python module, or declare the YAML's image, command and args as a `@dsl.container_component`"
_PLACEHOLDER = "add a parameter to the component and to the pipeline, and pass its value when you start a run"
_OWN = "remove it: use the task's setters or the engine's configuration"

INSTEAD: dict[str, str] = {
    "Client": _CLUSTER,
    "EmbeddedInput": "put the file into the image, or import it with `dsl.importer(uri, artifact_class)`",
    "KubernetesManifestOptions": "remove it: use the `--kind`, `--name` and `--namespace` options of `typedpipe compile`",
    "KubernetesWorkspaceConfig": "remove it: tasks exchange files as artifacts",
    "PipelineConfig": _OWN,
    "PipelineTaskFinalState": "the status of an exit task is `dsl.PipelineTaskFinalStatus`; compare its `.state` with a string",
    "TaskConfig": _OWN,
    "TaskConfigField": _OWN,
    "TaskConfigPassthrough": _OWN,
    "WorkspaceConfig": "remove it: tasks exchange files as artifacts",
    "client": _CLUSTER,
    "components": _YAML,
    "graph_component": "use `@dsl.pipeline`: a pipeline can be called in another pipeline like a component",
    "kubernetes": "write `from typedpipe import kubernetes`",
    "load_component_from_file": _YAML,
    "load_component_from_text": _YAML,
    "load_component_from_url": _YAML,
    "notebook_component": "move the notebook's code into a function with `@dsl.component`",
    "registry": _CLUSTER,
    "types": "import classes from `typedpipe.dsl`: `from typedpipe.dsl import Artifact, Dataset, Model`",
    "v2": "write `from typedpipe import compiler, dsl`",
}


def instead(problem: BaseException) -> str:
    """Suggested replacement for a missing name of typedpipe; "" for other missing names.

    >>> instead(ImportError("cannot import name 'Client' from 'typedpipe' (__init__.py)"))
    'remove it: `typedpipe compile FILE` writes a manifest for `kubectl create -f`'
    >>> instead(KeyError("Client"))
    ''
    """
    module, name = _missing(problem)
    if module.partition(".")[0] != _PACKAGE:
        return ""
    if name.startswith("PIPELINE_") and name.endswith("_PLACEHOLDER"):
        return _PLACEHOLDER
    if name in INSTEAD:
        return INSTEAD[name]
    guess = nearest(name, HOOKS.names)
    return f"did you mean `dsl.{guess}`?" if guess else f"`{module}` has no `{name}`: see docs/coming-from-kfp.md"


def _missing(problem: BaseException) -> tuple[str, str]:
    """Module and name that an import or an attribute access did not find."""
    if isinstance(problem, ModuleNotFoundError):
        found = re.search(_MODULE, str(problem))
        # the first missing part is reported: `typedpipe.v2.dsl` is `v2`
        module, _, name = (found[1] if found else "").rpartition(".")
        return module, name
    if isinstance(problem, ImportError):
        found = re.search(_IMPORT, str(problem))
        return (found[2], found[1]) if found else ("", "")
    if isinstance(problem, AttributeError) and isinstance(problem.obj, ModuleType):
        return problem.obj.__name__, problem.name or ""
    return "", ""
