"""The live display on a terminal in memory."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_terminal import Run, closed
from rich.console import ConsoleDimensions

from typedpipe import Collected, ExitHandler, If, ParallelFor, component, pipeline
from typedpipe.cli.execution.live.screen import Screen
from typedpipe.ir.nodes import Const, Graph, InputPort, Loop, Pipeline, Task
from typedpipe.runs import events
from typedpipe.types.model import INT


@component
def load(n: int) -> int:
    return n


@component
def train(x: int) -> int:
    return x


@component
def best(xs: list[int]) -> int:
    return max(xs)


@component
def deploy(x: int) -> None:
    print(x)


@component
def tell() -> None:
    print("told")


@pipeline
def inner(x: int) -> int:
    return train(x=load(n=x).output).output


@pipeline
def story(n: int = 3) -> None:
    with ExitHandler(tell()):
        data = load(n=n)
        with ParallelFor([1, 2, 3, 4], parallelism=2) as item:
            one = train(x=item)
        most = best(xs=Collected(one.output))
        called = inner(x=most.output)
        with If(called.output > 3):
            deploy(x=data.output)


TOP = "exit-handler"


@pytest.mark.parametrize(("columns", "lines"), [(80, 24), (120, 40)])
def test_a_run_as_it_goes_on(golden: Callable[[str, str], None], columns: int, lines: int) -> None:
    run = Run(closed(story), columns, lines)
    frames = []
    run.starts(f"{TOP}/load")
    run.says(f"{TOP}/load", b"reading\n10%\r20%")
    frames.append(run.later(1.5))
    run.ends(f"{TOP}/load", reused="cache")
    run.loop(f"{TOP}/for", 4)
    run.starts(f"{TOP}/for[0]/train", f"{TOP}/for[1]/train")
    run.now += 10
    run.ends(f"{TOP}/for[0]/train")
    run.loop(f"{TOP}/for", 4, 1)
    run.starts(f"{TOP}/for[2]/train")
    run.says(f"{TOP}/for[2]/train", b"epoch 1\n")
    frames.append(run.later(10))
    for item in (1, 2, 3):
        if item == 3:
            run.starts(f"{TOP}/for[3]/train")
        run.ends(f"{TOP}/for[{item}]/train")
        run.loop(f"{TOP}/for", 4, item + 1)
    run.starts(f"{TOP}/best")
    run.ends(f"{TOP}/best")
    run.starts(f"{TOP}/inner/load")
    frames.append(run.later(1))
    run.ends(f"{TOP}/inner/load")
    run.starts(f"{TOP}/inner/train")
    run.ends(f"{TOP}/inner/train")
    run.starts("tell")
    run.ends("tell")
    frames.append(run.over())
    golden(f"live/story-{columns}x{lines}.txt", ("=" * columns + "\n").join(frames))


def test_a_run_that_fails(golden: Callable[[str, str], None]) -> None:
    run = Run(closed(story))
    run.starts(f"{TOP}/load")
    run.tell(events.TaskRetried(f"{TOP}/load", 1, "no luck", 30.0, run.now))
    waits = run.later(1)
    run.starts(f"{TOP}/load", attempt=2)
    again = run.later(35)
    run.ends(f"{TOP}/load", "FAILED", "ValueError: no luck")
    for name in ("for", "best", "inner", "if"):
        run.ends(f"{TOP}/{name}", "OMITTED", "`load` did not succeed")
    run.starts("tell")
    run.ends("tell")
    golden("live/fails.txt", ("=" * 80 + "\n").join([waits, again, run.over("FAILED")]))


def test_hostile_text_does_nothing_and_is_no_markup() -> None:
    run = Run(closed(story))
    name = f"{TOP}/load"
    run.starts(name)
    run.says(name, b"\x1b[2J\x1b[H\x1b]0;title\x07[bold]x[/bold] \x9b31m \x08\x07 \xe2\x80\xae \xff\n")
    run.says(name, b"\x1b[?1049h\x1bc\x1b[31mred\x1b[0m\r\n" + "日本語\n".encode())
    seen = run.later(1)
    assert "load | [bold]x[/bold]" in seen
    assert "<U+202E>" in seen
    assert "load | red\n" in seen
    assert "日 本 語" in seen or "日本語" in seen
    assert run.terminal.screen.title == ""


def test_a_long_line_takes_a_few_rows() -> None:
    run = Run(closed(story))
    run.starts(f"{TOP}/load")
    run.says(f"{TOP}/load", b"y" * 1_000_000 + b"\nafter\n")
    seen = run.later(1)
    assert seen.count("yyyyyyyyyy") <= 6 * 8
    assert "load | after" in seen


def test_wide_names_stay_in_their_columns() -> None:
    node = Task("列" * 60, "c")
    run = Run(Pipeline("表", Graph(nodes=(node,)), closed=True), 60)
    run.starts(node.name)
    seen = run.later(2)
    assert "…" in seen
    assert "2.0 s" in seen
    assert len(seen.splitlines()) == 3


@pytest.mark.parametrize("height", [10, 24])
def test_rows_are_limited_to_the_terminal(height: int) -> None:
    nodes = tuple(Task(f"t{n}", "c") for n in range(1000))
    run = Run(Pipeline("p", Graph(nodes=nodes), closed=True), 80, height)
    for n in range(500):
        run.starts(f"t{n}")
        if n == 3:
            run.ends("t3", "FAILED", "boom")
        else:
            run.ends(f"t{n}")
    run.starts("t700", "t701")
    seen = run.later(1)
    assert len(seen.splitlines()) <= height
    for part in ("✗ t3 ", "t700", "t701", "boom", "more: ", "ended", "waiting"):
        assert part in seen
    rows = [line for line in seen.splitlines() if "─ " in line]
    assert len(rows) >= height - 4


def test_a_narrower_terminal_leaves_nothing_behind() -> None:
    run = Run(closed(story), 100, 30)
    run.starts(f"{TOP}/load")
    run.says(f"{TOP}/load", b"z" * 200)
    assert max(map(len, run.later(1).splitlines())) == 99
    run.terminal.narrow(60)
    run.console.size = ConsoleDimensions(60, 30)
    seen = run.later(1)
    assert seen.count("story") == seen.count("exit-handler") == 1
    assert seen.startswith("run r1 in /runs/r1\nstory")
    assert max(map(len, seen.splitlines())) == 59


def test_the_cursor_is_hidden_meanwhile_only() -> None:
    run = Run(closed(story))
    run.later(1)
    assert run.terminal.screen.cursor.hidden
    run.over()
    assert not run.terminal.screen.cursor.hidden


def test_ten_thousand_tasks_cost_the_same_each() -> None:
    nodes = tuple(Task(f"t{n}", "c") for n in range(10_000))
    run = Run(Pipeline("p", Graph(nodes=nodes), closed=True), 120, 40)
    began = time.process_time()
    for n in range(10_000):
        run.starts(f"t{n}")
        run.says(f"t{n}", b"hello\n")
        run.ends(f"t{n}")
    assert time.process_time() - began < 2  # 0.2 s here
    run.later(1)
    began = time.process_time()
    for _ in range(20):
        run.display.frame(run.now)
    assert (time.process_time() - began) / 20 < 0.1  # 2 ms here, and what the terminal in memory takes


def test_a_loop_of_two_thousand_needs_no_memory_for_its_items() -> None:
    body = Graph(inputs=(InputPort("item", INT),), nodes=(Task("train", "c"),))
    loop = Loop("for", Const("[]", INT), "item", INT, body)
    run = Run(Pipeline("p", Graph(nodes=(loop,)), closed=True))
    run.loop("for", 20_000)

    def items(first: int, last: int) -> None:
        for n in range(first, last):
            run.starts(f"for[{n}]/train")
            run.says(f"for[{n}]/train", b"x" * 100 + b"\n")
            run.ends(f"for[{n}]/train")
            run.loop("for", 20_000, n + 1)
            if n % 100 == 0:
                run.display._sample.take(10)
                run.display._sample.forget_silent()

    items(0, 200)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    items(200, 2200)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 300_000
    run.now += 22
    assert "2,200/20,000" in run.later(0)


def test_a_gigabyte_of_log_is_sampled() -> None:
    run = Run(closed(story))
    run.starts(f"{TOP}/load")
    data = (b"x" * 79 + b"\n") * 819
    began = time.process_time()
    for _ in range(1638):  # a tenth of it
        run.says(f"{TOP}/load", data)
    assert time.process_time() - began < 0.3  # 0.02 s here
    seen = run.later(1)
    assert "lines are not shown; see the log" in run.terminal.text
    assert "about 1,300,000 lines" in run.terminal.text
    assert seen.count("exit-handler/load |") > 5


def test_a_display_that_breaks_says_so_and_gives_the_terminal_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("of ours")

    monkeypatch.setattr("typedpipe.cli.execution.live.screen.draw", fail)
    monkeypatch.setattr("typedpipe.cli.execution.live.screen.FRAME", 0.001)
    run = Run(closed(story), display=Screen)
    deadline = time.monotonic() + 120
    while run.display.broken is None and time.monotonic() < deadline:
        time.sleep(0.005)
    run.starts(f"{TOP}/load")
    assert "the display failed; the run is not affected: ZeroDivisionError: of ours" in run.over()
    assert not run.terminal.screen.cursor.hidden


def test_what_is_prepared_and_warned_of_stands_above() -> None:
    run = Run(closed(story))
    run.tell(events.RunNoted("it is slow\x1b[2J", "TP622", "warning[TP622]: it is slow\x1b[2J\n  --> a.py:1:2\n", 0.0))
    assert "warning[TP622]: it is slow␛[2J\n  --> a.py:1:2\n" in run.later(1)
    before = Screen(closed(story), Path("/runs"), run.terminal, run.console)
    before(events.RunNoted("creating a virtual environment with a", "", "", 0.0))
    assert "creating a virtual environment with a …" in run.terminal.visible
