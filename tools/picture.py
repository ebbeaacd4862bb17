"""Draw the terminal output of ``typedpipe lint docs/pictures/pipeline.py`` as ``docs/pictures/error.svg``: ``make
picture``.

The command runs on a pseudo-terminal, so that the picture has the colors and the text that users see. A test redraws it
and compares.
"""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

FOLDER = Path(__file__).parent.parent / "docs" / "pictures"
COMMAND = "typedpipe lint pipeline.py"
WIDTH = 108
DARK = TerminalTheme(
    (24, 24, 27),
    (228, 228, 231),
    [
        (0, 0, 0),
        (248, 113, 113),
        (74, 222, 128),
        (250, 204, 21),
        (96, 165, 250),
        (192, 132, 252),
        (34, 211, 238),
        (228, 228, 231),
    ],
)
FORMAT = """\
<svg class="rich-terminal" viewBox="0 0 {terminal_width} {terminal_height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: {char_height}px; line-height: {line_height}px }}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/></clipPath>{lines}</defs>
<rect fill="#18181b" width="{terminal_width}" height="{terminal_height}" rx="8"/>
<g transform="translate(12, 8)" clip-path="url(#{unique_id}-clip-terminal)">{backgrounds}<g class="{unique_id}-matrix">{matrix}</g></g>
</svg>
"""


def shown() -> str:
    """Output of the command on a terminal, including escape sequences."""
    ours, theirs = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "CI")}
    environment |= {
        "TERM": "xterm-256color",
        "COLUMNS": str(WIDTH),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    with subprocess.Popen(COMMAND.split(), cwd=FOLDER, env=environment, stdin=theirs, stdout=theirs, stderr=theirs):
        os.close(theirs)
        parts: list[bytes] = []
        while part := _read(ours):
            parts.append(part)
    os.close(ours)
    return b"".join(parts).decode("utf-8").replace("\r\n", "\n")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # a terminal reports its end this way
        return b""


def picture() -> str:
    """SVG of the picture."""
    text = Text.from_ansi(shown())
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=WIDTH, file=nowhere, legacy_windows=False)
        console.print(Text(f"$ {COMMAND}", style="dim"))
        console.print(text, soft_wrap=True)
    svg = console.export_svg(theme=DARK, code_format=FORMAT, unique_id="tp", font_aspect_ratio=0.602)
    return re.sub(r"[ \t]+$", "", svg, flags=re.M)


if __name__ == "__main__":
    (FOLDER / "error.svg").write_text(picture(), "utf-8")
