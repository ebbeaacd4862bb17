"""The summary at the end of a run."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest

from typedpipe.cli.execution import ending
from typedpipe.diagnostics.model import Span
from typedpipe.ir.nodes import Graph, Pipeline
from typedpipe.local.result import RunResult, TaskResult

EMPTY = Pipeline("p", Graph(), closed=True)


def failed(name: str, log: Path | None = None, message: str = "exit code 1") -> TaskResult:
    return TaskResult(
        name, "c", "FAILED", 1, 1, message, place=str(log.parent) if log else None, started=1.0, finished=2.0
    )


def said(*tasks: TaskResult, columns: int = 200, message: str = "") -> str:
    state = "FAILED" if any(task.state == "FAILED" for task in tasks) else "SUCCEEDED"
    result = RunResult("r1", state, message, Path("/r1"), {}, {t.name: t for t in tasks}, 1.0, 75.0)  # type: ignore[arg-type]  # one of two
    return "\n".join(line.text for line in ending.ending(EMPTY, result, columns))


def test_failures_of_one_task_are_shown_once() -> None:
    text = said(*[failed(f"for[{n}]/t") for n in range(20)], failed("other"))
    assert text.count(" failed (exit code 1") == 2
    assert "also failed: for[1]/t, for[2]/t" in text
    assert "and 9 more" in text


def test_many_different_failures_are_listed() -> None:
    text = said(*[failed(f"t{n}") for n in range(30)])
    assert text.count("failed (exit code 1") == ending.FAILURES
    assert "other failed tasks: t3, t4" in text
    assert "and 17 more" in text


@pytest.mark.parametrize(
    ("log", "wanted", "absent"),
    [
        (b"".join(b"line %d\n" % n for n in range(100)), ["… 88 lines above", "| line 99", "| line 88"], ["line 87"]),
        (b"x\n" * 30 + b"Traceback (most recent call last):\n  File\nValueError: no\n", ["| Traceback"], []),
        (b"\x1b[2Jgone\x07[bold]\r50%\r100%\n", ["| 100%"], ["\x1b", "\x07", "50%"]),
        (b"\xff\xfe \xe2\x80\xae\n", ["<U+202E>"], ["\u202e"]),
        (b"y" * 3_000_000, ["yyy", "…"], []),
        (b"", ["exit code 1"], []),
    ],
)
def test_the_end_of_the_log(tmp_path: Path, log: bytes, wanted: list[str], absent: list[str]) -> None:
    path = tmp_path / "log"
    path.write_bytes(log)
    text = said(failed("t", path))
    assert all(part in text for part in wanted), text
    assert not any(part in text for part in absent), text
    assert len(text) < 10_000


def test_a_log_that_is_gone_is_no_failure_of_ours(tmp_path: Path) -> None:
    text = said(failed("t", tmp_path / "log"))
    assert "t failed" in text
    assert "its log" not in text


def test_commands_can_be_copied_and_fit() -> None:
    text = said(failed("for[0]/t"))
    assert "  typedpipe spin 'r1/for[0]/t' --debug  # " in text
    assert "#" not in said(failed("for[0]/t"), columns=60)


def test_the_current_code_is_one_of_the_next_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a b.py").touch()
    result = RunResult("r1", "FAILED", "why", Path("/r1"), {}, {"t": failed("t")})
    for file, command in (("a b.py", "typedpipe resume r1 --code new 'a b.py:p'"), ("gone.py", "")):
        lines = [line.text for line in ending.ending(replace(EMPTY, span=Span(file, 1)), result, 200)]
        found = [line for line in lines if "--code new" in line]
        assert len(found) == bool(command)
        assert all(line.startswith(f"  {command}  # continue") for line in found)


def test_a_message_does_not_repeat_the_traceback(tmp_path: Path) -> None:
    task = with_log(tmp_path, "t", "Traceback (most recent call last):\nValueError: no\n", "ValueError: no (u.py:1)")
    assert said(task).count("ValueError: no") == 1
    other = with_log(tmp_path, "u", "Traceback (most recent call last):\nValueError: no\n", "timed out after 3 s")
    assert "timed out after 3 s" in said(other)


def test_the_summary_counts() -> None:
    done = TaskResult("a", "c", "SUCCEEDED")
    text = said(done, TaskResult("b", "c", "SUCCEEDED", reused="cache"), TaskResult("d", "c", "OMITTED"))
    assert text.endswith("run r1 succeeded in 1:14, 2 of 3 tasks done (1 cached, 1 skipped)")


def test_no_color_where_there_is_no_terminal() -> None:
    stream = io.StringIO()
    ending.write_ending(EMPTY, RunResult("r1", "FAILED", "why", Path("/r1"), {}, {"t": failed("t")}), stream)
    assert "\x1b" not in stream.getvalue()


def with_log(folder: Path, name: str, text: str, message: str = "exit code 1") -> TaskResult:
    path = folder / name.replace("/", "-") / "log"
    path.parent.mkdir()
    path.write_text(text)
    return failed(name, path, message)


def test_equal_tracebacks_are_shown_once(tmp_path: Path) -> None:
    trace = 'epoch {}\nTraceback (most recent call last):\n  File "u.py", line {}, in f\nValueError: no\n'
    same = [with_log(tmp_path, f"for[{n}]/t", trace.format(n, 1)) for n in range(4)]
    text = said(*same, with_log(tmp_path, "for[4]/t", trace.format(4, 2)), with_log(tmp_path, "u", trace.format(0, 1)))
    assert text.count("Traceback") == 2
    assert "also failed: for[1]/t, for[2]/t, for[3]/t, u\n" in text
    assert text.index("for[0]/t failed") < text.index("for[4]/t failed")


def test_different_failures_of_one_task_are_all_shown(tmp_path: Path) -> None:
    text = said(*[failed(f"for[{n}]/t", message=f"no {n % 2}") for n in range(4)])
    assert text.count(" failed (exit code 1") == 2
    assert "also failed: for[2]/t\n" in text
    assert "also failed: for[3]/t\n" in text


@pytest.mark.parametrize(
    ("names", "columns", "rows"),
    [
        (["exit-handler/region-model-200", "exit-handler/region-model-201"], 80, None),
        (
            ["exit-handler/region-model-200", "exit-handler/region-model-201"],
            30,
            ["exit-handler/…gion-model-200", "exit-handler/…gion-model-201"],
        ),
        ([f"{'g' * 20}[{n}]/{'t' * 20}" for n in (1, 2)], 30, [f"…ggg[{n}]/{'t' * 20}" for n in (1, 2)]),
        ([f"{n}/{'t' * 40}" for n in "ab"], 30, [f"{n}/{'t' * 11}…{'t' * 14}" for n in "ab"]),
        ([f"{'g' * 50}{n}{'t' * 50}" for n in (1, 2)], 30, None),
    ],
)
def test_rows_of_the_metrics_differ(
    monkeypatch: pytest.MonkeyPatch, names: list[str], columns: int, rows: list[str] | None
) -> None:
    monkeypatch.setattr(ending, "metrics_of", lambda *_: ([(name, {"auc": 0.5}) for name in names], 0))
    found = [line.split()[0] for line in said(columns=columns).splitlines() if line.endswith(" 0.5")]
    assert found == (names if rows is None else rows)


def test_columns_of_the_metrics_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {f"validation/macro-average/score-f{n}": 0.5 for n in (1, 2)}
    monkeypatch.setattr(ending, "metrics_of", lambda *_: ([("train", values)], 0))
    assert "metrics  validation/ma…erage/score-f1  validation/ma…erage/score-f2\n" in said()
