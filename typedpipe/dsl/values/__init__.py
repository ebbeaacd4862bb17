"""Values of a pipeline's body, their operators, and what becomes a value.

Loading the package registers the operators, so that no value exists without them.
"""

from __future__ import annotations

from typedpipe.dsl.values import operators as operators
