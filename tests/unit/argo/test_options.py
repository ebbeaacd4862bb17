"""Options of the backend: what Kubernetes or Argo would reject is an error that says why."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.argo_schema import valid
from tests.ir_samples import SAMPLES
from typedpipe import dsl
from typedpipe.compiler import driver
from typedpipe.compiler.argo.cron import fault
from typedpipe.compiler.argo.support import settings
from typedpipe.diagnostics.errors import PipelineError
from typedpipe.diagnostics.model import Diagnostic, Diagnostics, Span
from typedpipe.ir.nodes import Pipeline

CRON = {"kind": "CronWorkflow", "schedule": "0 3 * * *"}

ACCEPTED = [
    "* * * * *", "0 3 * * *", "*/5 * * * ?", "0-30/10,45 8-18 1,15 jan-MAR mon-fri", "59 23 31 12 6", "5/15 0 1 1 0",
    "0 0 * * Sun", "@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly", "@every 6h",
    "@every 1h30m", "@every 1.5h", "@every .5s", "@every 250ms", "0 0 29 2 *", "0 0 31 2,3 *", "0 0 30 2 mon", "0 0 */30 2 *",
    "0 0 28-31 2 *", "0 0 30 2 */2",
]  # fmt: skip
REFUSED = {
    "61 3 * * *": "the minute `61` is not between 0 and 59",
    "0 24 * * *": "the hour `24` is not between 0 and 23",
    "0 0 0 * *": "the day of the month `0` is not between 1 and 31",
    "0 0 32 * *": "the day of the month `32` is not between 1 and 31",
    "0 0 * 13 *": "the month `13` is not between 1 and 12",
    "0 0 * juin *": "the month `juin` is not between 1 and 12",
    "0 0 * * 7": "the weekday `7` is not between 0 and 6",
    "0 0 * mon *": "the month `mon` is not between 1 and 12",
    "0 9-99 * * *": "the hour `99` is not between 0 and 23",
    "5-2 * * * *": "the range `5-2` ends before it begins",
    "*/0 * * * *": "the step of `*/0` is 0",
    "1--2 * * * *": "`1--2` is not valid as the minute",
    "*/2/3 * * * *": "`*/2/3` is not valid as the minute",
    "-1 * * * *": "`-1` is not valid as the minute",
    "0 0 L * *": "the day of the month `L` is not between 1 and 31",
    ", * * * *": "`` is not valid as the minute",
    "٣ * * * *": "`٣` is not valid as the minute",
    f"{'9' * 5000} * * * *": f"`{'9' * 5000}` is not valid as the minute",
    "0 0 30 2 *": "it never fires: none of its months has such a day",
    "0 0 30,31 feb ?": "it never fires: none of its months has such a day",
    "0 0 31 2,4,6,9,11 */1": "it never fires: none of its months has such a day",
    "0 0 31/2 2-6/2 *": "it never fires: none of its months has such a day",
    "": "it has 0 fields instead of 5",
    "hourly": "it has 1 field instead of 5",
    "* * * *": "it has 4 fields instead of 5",
    "0 * * * * *": "it has 6 fields instead of 5",
    "TZ=UTC 0 3 * * *": "it has 6 fields instead of 5",
    "@reboot": "there is no `@reboot`",
    "@Daily": "there is no `@Daily`",
    "@every": "there is no `@every`",
    "@every 1d": "`1d` is not a duration in hours, minutes and seconds",
    "@every 5": "`5` is not a duration in hours, minutes and seconds",
    "@every -1h": "`-1h` is not a duration in hours, minutes and seconds",
}
"""Schedules that robfig/cron v3.0.1, the library of Argo, rejects; and a few that it reads as another than was meant."""


@pytest.mark.parametrize("schedule", ACCEPTED)
def test_a_schedule_that_argo_accepts(schedule: str) -> None:
    assert fault(schedule) == ""
    assert told({**CRON, "schedule": f" {schedule} "}) == []


@pytest.mark.parametrize(("schedule", "why"), REFUSED.items())
def test_a_schedule_that_argo_rejects(schedule: str, why: str) -> None:
    assert fault(schedule) == why


@pytest.mark.parametrize(
    ("options", "message", "help_"),
    [
        (
            {"name": "Bad Name!"},
            "`name` cannot be `Bad Name!`",
            "use lower-case letters, digits, `-` and `.`, with a letter or digit at both ends, such as `bad-name`",
        ),
        (
            {"namespace": "ml.team"},
            "`namespace` cannot be `ml.team`",
            "use lower-case letters, digits and `-`, with a letter or digit at both ends, such as `ml-team`",
        ),
        (
            {"service_account": "-runner"},
            "`service_account` cannot be `-runner`",
            "use lower-case letters, digits, `-` and `.`, with a letter or digit at both ends, such as `runner`",
        ),
        (
            {"name": "{{workflow.name}}"},
            "`name` cannot be `{{workflow.name}}`",
            "use lower-case letters, digits, `-` and `.`, with a letter or digit at both ends, such as `workflow-name`",
        ),
        ({"name": "a" * 64}, f"`name` cannot be `{'a' * 64}`: it has 64 characters", "use at most 63 characters"),
        (
            {**CRON, "name": "a" * 53},
            f"`name` cannot be `{'a' * 53}`: it has 53 characters",
            "use at most 52 characters",
        ),
        (
            {**CRON, "schedule": "61 3 * * *"},
            "`schedule` cannot be `61 3 * * *`: the minute `61` is not between 0 and 59",
            'use minute, hour, day, month and weekday, such as `--schedule "0 3 * * *"`, or `@daily` or `@every 6h`',
        ),
        (
            {**CRON, "timezone": "Europe/Pariss"},
            "there is no time zone `Europe/Pariss`",
            "use a name of the IANA database, such as `--timezone Europe/Paris`",
        ),
        ({"deadline": "1" * 5000}, f"`deadline` cannot be `{'1' * 5000}`", "use a number of seconds of at least 1"),
        ({"deadline": "0"}, "`deadline` cannot be `0`", "use a number of seconds of at least 1"),
    ],
)
def test_an_option_that_kubernetes_or_argo_rejects(options: Mapping[str, str], message: str, help_: str) -> None:
    assert told(options) == [(message, help_)]


def told(options: Mapping[str, str]) -> list[tuple[str, str]]:
    report = Diagnostics()
    settings(options, report, Span("p.py"))
    return [(item.message, item.help) for item in report]


@pytest.mark.parametrize("name", ["a", "a-b", "a.b", "1", "0-9.x", "a" * 63])
def test_a_name_that_kubernetes_accepts(name: str) -> None:
    (text,) = driver.compile(SAMPLES["chain"](), "argo", {"name": name, "service_account": name}).values()
    assert valid(text)["metadata"]["name"] == name


@pytest.mark.parametrize("kind", ["Workflow", "WorkflowTemplate", "CronWorkflow"])
def test_the_name_of_a_pipeline_is_cut_where_it_remains_valid(kind: str) -> None:
    from dataclasses import replace

    pipeline = replace(SAMPLES["chain"](), name="x" * 49 + "_ a_" + "y" * 60)
    options = {**CRON} if kind == "CronWorkflow" else {"kind": kind}
    metadata = valid("".join(driver.compile(pipeline, "argo", options).values()))["metadata"]
    assert told({"name": metadata.get("name", "a")}) == []
    assert metadata.get("generateName", "-")[-1] == "-"


@dsl.component
def say(text: str) -> str:
    return text


@dsl.pipeline
def shown() -> None:
    say(text="a").set_display_name("First")
    say(text="b")
    with dsl.If(say(text="c").output == "c"):
        say(text="d").set_display_name("Second")


def compiled(traced: Pipeline | None, options: Mapping[str, str]) -> tuple[str, list[Diagnostic]]:
    assert traced is not None
    report = Diagnostics()
    (text,) = driver.compile(traced, "argo", options, report).values()
    return text, list(report)


@pytest.mark.parametrize("options", [{}, {"target": "3.6"}])
def test_display_names_are_omitted_by_default_which_is_said_once(options: Mapping[str, str]) -> None:
    text, (warning,) = compiled(shown.ir, options)
    valid(text, "3.6")
    assert "display-name" not in text
    assert (warning.code, warning.severity) == ("TP405", "warning")
    assert warning.message == "a display name for `say` and 1 other task is omitted"
    assert warning.primary.text == "display names need Argo 3.7"
    assert warning.help == "compile with `--argo-target 3.7` if no older version is to run the file"


@pytest.mark.parametrize("target", ["3.7", "4.0", "4.1"])
def test_display_names_are_there_for_versions_that_have_them(target: str) -> None:
    text, report = compiled(shown.ir, {"target": target})
    assert text.count("workflows.argoproj.io/display-name: ") == 2
    assert report == []


def test_a_maximum_backoff_changes_how_long_a_run_takes_so_it_is_not_omitted() -> None:
    @dsl.pipeline
    def capped() -> None:
        say(text="a").set_retry(3, "60s", 2, "90s")

    with pytest.raises(PipelineError) as caught:
        compiled(capped.ir, {})
    assert "Argo does not support a maximum backoff for `say`" in str(caught.value)
    assert "help: compile with `--argo-target 3.7`, or set fewer retries" in str(caught.value)
    assert "cap: '90s'" in compiled(capped.ir, {"target": "3.7"})[0]
