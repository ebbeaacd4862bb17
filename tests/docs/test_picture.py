"""The README's picture matches the current output of the command."""

from __future__ import annotations

import re

from tools import picture


def test_the_picture_is_drawn_from_what_the_command_prints() -> None:
    committed = (picture.FOLDER / "error.svg").read_text("utf-8")
    assert picture.picture() == committed, "what it prints has changed: look at it, then `make picture`"


def test_the_terminal_has_colors_and_the_words_of_the_error() -> None:
    shown = picture.shown()
    assert "\x1b[1;31m" in shown
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown)
    assert "error[TP201]: `fit` expects `list[int]` for `sizes`, but receives `list[str]`" in plain
    assert "pipeline.py:22:48" in plain
