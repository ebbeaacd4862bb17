"""Support tables of backends: unsupported features are reported at the user's lines, by one walk."""

from __future__ import annotations

from typedpipe import dsl
from typedpipe.compiler.backend import No, Support
from typedpipe.compiler.support import check
from typedpipe.diagnostics.model import Diagnostics


@dsl.component
def double(n: int) -> int:
    return 2 * n


@dsl.pipeline
def inner(n: int) -> int:
    return double(n=n).output


@dsl.pipeline
def everything(n: int, ns: list[int] = [1]) -> None:  # noqa: B006 - as users write
    double(n=n).set_retry(2).set_memory_limit("1G")
    inner(n=n).set_caching(False).set_cpu_limit("1").set_memory_limit("1G")
    with dsl.If(n > 1):
        double(n=n)
    with dsl.ParallelFor(ns, parallelism=2) as each:
        double(n=each).set_env("A", "b")
    with dsl.ExitHandler(double(n=1).set_timeout(3)):
        double(n=n)


def messages(**answers: No) -> list[str]:
    report = Diagnostics()
    assert everything.ir is not None
    support = Support({name.replace("__", "."): answer for name, answer in answers.items()})
    check(everything.ir, support, "Toy", report)
    return [found.message.removeprefix("Toy does not support ") for found in report]


def test_a_table_without_a_refusal_takes_everything() -> None:
    assert messages() == []


def test_nodes() -> None:
    no = No("it is a toy")
    assert messages(branch=no, loop=no, loop__parallelism=no, exit_handler=no, call=no, input__required=no) == [
        "the input `n`",
        "the nested pipeline `inner`",
        "the branch `if`",
        "the loop `for`",
        "a limit of parallelism for `for`",
        "the exit handler `exit-handler`",
    ]


def test_options_of_tasks_wherever_they_stand() -> None:
    no = No("it is a toy", what="the setting")
    assert messages(task__env=no, task__timeout_seconds=no, task__memory_limit=no) == [
        "the setting for `double`",
        "the setting for `double-4`",
        "the setting for `double-3`",
    ]


def test_one_reason_for_several_options_is_given_once() -> None:
    no = No("it is a toy", what="a limit")
    assert messages(call__cpu_limit=no, call__memory_limit=no) == ["a limit for the nested pipeline `inner`"]


def test_a_refusal_may_depend_on_the_value() -> None:
    assert messages(call__caching=No("it is a toy", when=bool)) == []
    assert messages(task__retry__many=No("it is a toy", what="the retry", when=lambda retry: retry.limit > 1)) == [
        "the retry for `double`"
    ]
    assert messages(task__retry__many=No("it is a toy", when=lambda retry: retry.limit > 2)) == []
