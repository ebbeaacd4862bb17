"""``pipeline.run(...)``: the handle, its options, and its state during the run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from textwrap import dedent
from typing import Any, NamedTuple

import pytest

from typedpipe import dsl
from typedpipe.diagnostics.errors import PipelineError
from typedpipe.local import Run, RunFailed
from typedpipe.local.preparation import PreparedRun


class Row(NamedTuple):
    name: str
    size: int


class Made(NamedTuple):
    data: dsl.Dataset
    size: int


@dsl.component
def make(n: int) -> Made:
    data = dsl.Dataset(metadata={"n": n})
    with open(data.path, "w") as file:
        file.write("x" * n)
    print("made", n)
    return Made(data, n)


@dsl.component
def rows(n: int) -> list[Row]:
    return [Row("r", i) for i in range(n)]


@dsl.component
def double(n: int) -> int:
    return 2 * n


@dsl.component
def nap(seconds: float, mark: str) -> float:
    import time

    time.sleep(seconds)
    with open(mark, "a") as file:
        file.write("slept\n")
    return seconds


@dsl.component
def refuse(why: str) -> int:
    raise ValueError(why)


@dsl.component
def last(mark: str) -> None:
    with open(mark, "a") as file:
        file.write("last\n")


@dsl.pipeline
def main(n: int, unused: str = "") -> Made:
    with dsl.ParallelFor([1, 2]) as item:
        double(n=item)
    return make(n=n).outputs


@dsl.pipeline
def structs(n: int) -> list[Row]:
    return rows(n=n).output


@dsl.pipeline
def failing(why: str = "no") -> int:
    return refuse(why=why).output


@dsl.pipeline
def slow(mark: str, seconds: float = 600.0) -> float:
    with dsl.ExitHandler(last(mark=mark)):
        slept = nap(seconds=seconds, mark=mark)
    return slept.output


@dsl.pipeline
def clash(runner: str, jobs: int = 1) -> int:
    double(n=jobs)
    return double(n=jobs).output


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TYPEDPIPE_HOME", raising=False)
    return tmp_path


def state(run: Run[Any]) -> str:
    """Its state; a checker takes what it once was for what it is."""
    return run.state


def test_outputs_are_those_of_the_function() -> None:
    run = main.run(n=3)
    assert isinstance(run.outputs, Made)
    assert run.outputs.size == 3
    assert Path(run.outputs.data.path).read_text() == "xxx"
    assert run.outputs.data.metadata == {"n": 3}
    assert run.state == "SUCCEEDED"
    assert run.pipeline == "main"
    assert run.folder.name == run.name


def test_structs_come_back_as_the_users_own_class() -> None:
    assert structs.run(n=2).outputs == [Row("r", 0), Row("r", 1)]
    assert type(structs.run(n=1).outputs[0]) is Row


def test_tasks_by_their_path() -> None:
    run = main.options(cache=False).run(3)
    assert run.tasks["make"].state in ("WAITING", "RUNNING", "SUCCEEDED")
    run.wait()
    assert set(run.tasks) == {"make", "for/double", "for[0]/double", "for[1]/double"} - {"for/double"}
    task = run.tasks["for[1]/double"]
    assert (task.state, task.outputs, task.attempts, task.component) == ("SUCCEEDED", {"Output": 4}, 1, "double")
    assert task.duration > 0
    made = run.tasks["make"]
    assert made.log == run.logs("make") == "made 3\n"
    assert "make: made 3\n" in run.logs()
    assert made.outputs["size"] == 3
    assert made.folder is not None
    assert (made.folder / "log").exists()
    assert list(run.artifacts) == ["make.data"]
    assert Path(run.artifacts["make.data"].path).read_text() == "xxx"


def test_a_task_that_is_not_there() -> None:
    run = main.run(n=1).wait()
    with pytest.raises(KeyError, match=r"no task mkae .*did you mean make"):
        run.tasks["mkae"]
    assert "mkae" not in run.tasks
    with pytest.raises(KeyError, match=r"did you mean for\[0\]/double"):
        run.tasks["double"]


def test_a_failed_run_raises_where_its_outputs_are_asked_for() -> None:
    run = failing.run()
    with pytest.raises(RunFailed, match=r"refuse.*ValueError: no"):
        run.outputs  # noqa: B018
    with pytest.raises(RunFailed):
        run.wait()
    assert run.state == "FAILED"
    assert run.result.state == "FAILED"
    assert "ValueError: no" in run.tasks["refuse"].message
    assert "ValueError" in run.logs("refuse")
    assert run.tasks["refuse"].outputs == {}
    assert "failed" in repr(run)


def test_raise_on_error_false_lets_waiting_pass() -> None:
    run = failing.options(raise_on_error=False).run()
    assert run.wait() is run
    assert run.state == "FAILED"
    with pytest.raises(RunFailed):
        run.outputs  # noqa: B018


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"runner": "proces"}, 'did you mean `runner="process"`'),
        ({"jobs": 0}, "an integer of at least 1"),
        ({"jobs": True}, "an integer of at least 1"),
        ({"jobs": 1.0}, "an integer of at least 1"),
        ({"folder": 3}, "a path"),
        ({"cache": "no"}, "True, False or None"),
        ({"timeout": 0}, "greater than 0"),
        ({"name": "../x"}, "letters"),
        ({"name": "last"}, "and is not `last`"),
        ({"raise_on_error": None}, "True or False"),
        ({"fail_fast": 1}, "True or False"),
    ],
)
def test_options_that_do_not_fit(options: dict[str, Any], said: str) -> None:
    for make_run in (lambda: main.run(n=1, **options), lambda: main.options(**options)):
        with pytest.raises(PipelineError) as raised:
            make_run()
        assert raised.value.diagnostics[0].code == "TP660"
        assert said in str(raised.value)
        assert "test_handle.py" in str(raised.value)
    assert not Path(".typedpipe").exists()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"n": "x"}, "TP187"),
        ({}, "TP189"),
        ({"n": 1, "m": 2}, "TP188"),
    ],
)
def test_arguments_that_do_not_fit_are_refused_at_once(arguments: dict[str, Any], code: str) -> None:
    for start in (main.run, main.options(jobs=1).run, main.local):
        with pytest.raises(PipelineError) as raised:
            start(**arguments)
        assert code in [diagnostic.code for diagnostic in raised.value.diagnostics]
    assert not list(Path().glob(".typedpipe/runs/*"))


def test_a_run_may_have_any_name_that_the_command_line_takes() -> None:
    assert main.options(name="data=2026-01@é").run(n=1).wait().name == "data=2026-01@é"


def test_too_many_arguments() -> None:
    with pytest.raises(PipelineError, match="takes 2 arguments, but got 3"):
        main.run(1, "", 3)  # type: ignore[call-overload]  # one too many
    with pytest.raises(PipelineError, match="both by position and by name"):
        main.run(1, n=3)  # type: ignore[call-overload]  # twice


def test_a_parameter_that_is_called_as_an_option_is_the_parameter() -> None:
    assert clash.run(runner="whatever", jobs=4).outputs == 8
    run = clash.options(jobs=1, runner="process", name="named").run(runner="x", jobs=3)
    assert run.outputs == 6
    assert run.name == "named"
    with pytest.raises(PipelineError, match="the run option `name`"):
        clash.run(runner="x", name="a b")  # type: ignore[call-overload]  # an option, which does not fit


def test_options_among_the_arguments(folder: Path) -> None:
    run = main.run(n=1, runner="process", jobs=1, folder=folder / "here", name="mine")
    assert run.folder == folder / "here" / "runs" / "mine"
    assert run.outputs.size == 1


def test_in_process_the_run_has_ended_when_run_comes_back() -> None:
    before = Path.cwd()
    run = main.run(n=2, runner="inprocess")
    assert run.state == "SUCCEEDED"
    assert run.outputs.size == 2
    assert Path.cwd() == before


def test_wait_has_a_timeout_and_cancel_runs_exit_handlers(folder: Path) -> None:
    mark = folder / "mark"
    started = time.monotonic()
    run = slow.run(mark=str(mark))
    with pytest.raises(TimeoutError, match="it continues"):
        run.wait(timeout=0.05)
    assert state(run) == "RUNNING"
    run.cancel()
    with pytest.raises(RunFailed):
        run.wait()
    assert state(run) == "CANCELED"
    assert mark.read_text() == "last\n"
    assert time.monotonic() - started < 300  # the task would take longer


def test_the_block_of_a_handle_waits_and_cancels_when_it_fails(folder: Path) -> None:
    with main.run(n=1) as run:
        pass
    assert run.state == "SUCCEEDED"
    with pytest.raises(ZeroDivisionError), slow.run(mark=str(folder / "mark")) as other:
        print(1 // 0)
    assert state(other) == "CANCELED"


def test_an_engine_that_breaks_is_told_where_somebody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    real = PreparedRun.execute

    def execute(prepared: PreparedRun) -> None:
        real(prepared)
        raise MemoryError("the engine")

    monkeypatch.setattr(PreparedRun, "execute", execute)
    run = main.run(n=1)
    with pytest.raises(MemoryError):
        run.wait()
    with pytest.raises(MemoryError):
        run.outputs  # noqa: B018
    assert run.state == "FAILED"
    assert "failed" in repr(run)
    with pytest.raises(MemoryError):
        main.run(n=1, runner="inprocess")


def test_two_runs_at_once() -> None:
    runs: list[Run[Made]] = [main.run(n=n) for n in (1, 2, 3)]
    assert [run.outputs.size for run in runs] == [1, 2, 3]
    assert len({run.name for run in runs}) == 3


def test_a_run_may_be_started_and_waited_for_in_any_thread() -> None:
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(main.run(n=5).outputs.size))
    thread.start()
    thread.join()
    assert found == [5]


def test_the_handlers_of_signals_are_as_they_were() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    main.local(n=1)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


PROGRAM = """
import os
import sys
from typedpipe import dsl


@dsl.component
def nap(seconds: float) -> float:
    import time

    print("asleep", flush=True)
    time.sleep(seconds)
    return seconds


@dsl.component
def last(mark: str) -> None:
    open(mark, "w").write("last")


@dsl.pipeline
def slow(mark: str, seconds: float) -> None:
    with dsl.ExitHandler(last(mark=mark)):
        nap(seconds=seconds)


if __name__ == "__main__":
    run = slow.run(mark=os.path.abspath("mark"), seconds=float(sys.argv[1]))
    print(run.name, flush=True)
    if sys.argv[2] == "wait":
        run.wait()
        print("not here")
"""


def program(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    (folder / "program.py").write_text(dedent(PROGRAM))
    command = [sys.executable, "program.py", *arguments]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def asleep(folder: Path) -> None:
    end = time.monotonic() + 120
    while not any("asleep" in log.read_text() for log in folder.glob(".typedpipe/runs/*/tasks/**/log")):
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, -signal.SIGINT), (signal.SIGTERM, -signal.SIGTERM)])
@pytest.mark.parametrize("how", ["wait", "leave"])
def test_ctrl_c_cancels_the_run_and_then_means_what_it_means(folder: Path, number: int, code: int, how: str) -> None:
    running = program(folder, "600", how)
    asleep(folder)
    running.send_signal(number)
    out, err = running.communicate(timeout=120)
    assert (folder / "mark").read_text() == "last"
    assert "canceling run" in err
    assert "not here" not in out
    if how == "wait":
        assert running.returncode in (code, 1 if number == signal.SIGINT else code)
        assert number != signal.SIGINT or "KeyboardInterrupt" in err


def test_ctrl_c_twice_kills(folder: Path) -> None:
    running = program(folder, "600", "wait")
    asleep(folder)
    os.kill(running.pid, signal.SIGINT)
    time.sleep(0.05)
    os.kill(running.pid, signal.SIGINT)
    _, err = running.communicate(timeout=120)
    assert "KeyboardInterrupt" in err


def test_a_program_that_does_not_wait_ends_after_its_runs(folder: Path) -> None:
    running = program(folder, "0.3", "leave")
    _, err = running.communicate(timeout=120)
    assert (running.returncode, err) == (0, "")
    assert (folder / "mark").read_text() == "last"
