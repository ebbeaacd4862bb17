"""Import of ``memory_engine``, ``memory_source`` and ``worlds``, however pytest was started."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
