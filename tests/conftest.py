"""Fixtures for all tests: ``golden`` compares a text with a file of ``tests/golden``."""

from __future__ import annotations

import difflib
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

GOLDEN = Path(__file__).parent / "golden"
_asked: set[Path] = set()

# `nohup` and `&` in a script hand on ignored signals; tests that interrupt a program mean one that was started by hand.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden files instead of comparing")


@pytest.fixture(autouse=True)
def no_modules_left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Forget the modules that a test imported from its own files: another test may have one of the same name."""
    before = set(sys.modules)
    yield
    folder = str(tmp_path_factory.getbasetemp())
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None)).startswith(folder):
            del sys.modules[name]


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """``golden(name, text)``: fails with a diff unless ``tests/golden/<name>`` holds exactly ``text``."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        _asked.add(path)
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            return
        if not path.exists():
            pytest.fail(f"no golden file {name}: look at the text, then run pytest --update-golden", pytrace=False)
        want = path.read_text(encoding="utf-8")
        if text != want:
            lines = difflib.unified_diff(
                want.splitlines(), text.splitlines(), f"golden/{name}", "now", lineterm="", n=3
            )
            pytest.fail("\n".join([*lines, "(pytest --update-golden accepts it)"]), pytrace=False)

    return compare


def pytest_testnodedown(node: Any) -> None:
    """A worker of xdist says which golden files its tests asked for."""
    _asked.update(Path(path) for path in getattr(node, "workeroutput", {}).get("golden", ()))


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """After a full run, golden files that nobody asked for are errors; under the switch they are deleted."""
    config = session.config
    output: dict[str, object] | None = getattr(config, "workeroutput", None)
    if output is not None:
        output["golden"] = [str(path) for path in _asked]
        return
    partial = (
        config.option.keyword
        or config.option.markexpr != "not cluster and not heavy"
        or config.option.file_or_dir
        or getattr(config.option, "lf", False)
    )
    if partial or exitstatus != 0 or not GOLDEN.exists():
        return
    for path in sorted(p for p in GOLDEN.rglob("*") if p.is_file() and p not in _asked):
        if config.option.update_golden:
            path.unlink()
        else:
            print(f"\norphan golden file: {path.relative_to(GOLDEN)}: no test asked for it")
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
