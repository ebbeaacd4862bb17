from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from typedpipe.cli.app import run_app

ROOT = Path(__file__).parents[3]


@pytest.fixture
def draw(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[[str, str], str]:
    monkeypatch.setattr(sys, "path", list(sys.path))

    def run(target: str, form: str) -> str:
        assert run_app(["graph", target, "--format", form]) == 0
        return capsys.readouterr().out

    return run


@pytest.mark.parametrize("name", ["hello", "digits"])
@pytest.mark.parametrize(("form", "ending"), [("text", "txt"), ("mermaid", "mmd"), ("svg", "svg")])
def test_pictures_of_the_examples(
    draw: Callable[[str, str], str], golden: Callable[[str, str], None], name: str, form: str, ending: str
) -> None:
    golden(f"graph/{name}.{ending}", draw(str(ROOT / "examples" / f"{name}.py"), form))


NASTY = """\
from typedpipe import If, component, pipeline

@component
def say(text: str) -> str: return text

@pipeline(name='<script>"&]]>')
def nasty(x: str = "</text><script>alert(1)</script>") -> str:
    first = say(text=x).set_display_name('"] --> evil')
    with If(first.output == '<b>"#`\\x1b[31m\u202e'):
        say(text="x")
    return first.output
"""


def test_user_text_is_text_in_every_picture(draw: Callable[[str, str], str], tmp_path: Path) -> None:
    (tmp_path / "nasty.py").write_text(NASTY)
    svg = draw(str(tmp_path / "nasty.py"), "svg")
    root = ElementTree.fromstring(svg)
    assert not [node for node in root.iter() if node.tag.endswith("script")]
    for form in ("text", "mermaid", "svg"):
        text = draw(str(tmp_path / "nasty.py"), form)
        assert "\x1b" not in text
        assert "\u202e" not in text
    assert "<b>" not in draw(str(tmp_path / "nasty.py"), "mermaid")


def test_boxes_of_one_scope_do_not_overlap(draw: Callable[[str, str], str]) -> None:
    from typedpipe.cli.choosing import load_pipeline
    from typedpipe.compiler import driver
    from typedpipe.pictures.boxes import picture
    from typedpipe.pictures.layout import lay_out

    layout = lay_out(picture(driver.check(load_pipeline(str(ROOT / "examples" / "digits.py")))).boxes)
    for number, one in enumerate(layout.items):
        for other in layout.items[number + 1 :]:
            apart_x = one.x + one.wide <= other.x or other.x + other.wide <= one.x
            apart_y = one.y + one.high <= other.y or other.y + other.high <= one.y
            assert apart_x or apart_y
