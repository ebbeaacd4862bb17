"""Pod settings of a task that are specific to Kubernetes, named as in ``kfp.kubernetes``.

>>> from typedpipe import dsl, kubernetes
>>> @dsl.component
... def train(n: int) -> int:
...     return n
>>> @dsl.pipeline
... def main(n: int = 1) -> int:
...     task = train(n=n)
...     kubernetes.add_node_selector(task, "disk", "ssd")
...     return task.output
"""

from __future__ import annotations

from typedpipe.kubernetes.settings import add_node_selector, add_pod_annotation, add_pod_label, set_image_pull_policy

__all__ = ["add_node_selector", "add_pod_annotation", "add_pod_label", "set_image_pull_policy"]
