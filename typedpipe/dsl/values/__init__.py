"""Values in a pipeline, their operators, and the conversion of arguments to values.

Loading the package registers the operators, so that no value exists without them.
"""

from __future__ import annotations

from typedpipe.dsl.values import operators as operators
