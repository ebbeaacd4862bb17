"""Completeness of docs/command-line.md: every command, and in its section every option of its help."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from typedpipe.cli.app import app

PAGE = Path(__file__).parents[2] / "docs" / "command-line.md"
SECTIONS = {part.partition("\n")[0]: part for part in re.split(r"^## ", PAGE.read_text("utf-8"), flags=re.M)}


def commands(group: click.Group, prefix: str = "") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{prefix}{name} ")
        else:
            yield prefix + name, command


COMMANDS = dict(commands(app))


def options(name: str) -> set[str]:
    """The options in the first column of a command's help; compile's are those of its default backend, too."""
    context = COMMANDS[name].make_context(name, ["--help"], resilient_parsing=True)
    names = [text for item in context.command.params for text in (*item.opts, *item.secondary_opts)]
    return {text for text in names if text.startswith("-")}


def test_help_is_looked_at() -> None:
    assert {"--kind", "--check", "-o", "--output"} <= options("compile")
    assert {"--cache", "--no-cache", "--run-name", "-j"} <= options("run")
    assert {"runs gc", "artifacts open", "ir diff", "explain-cache"} <= set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_option_is_in_the_section_of_its_command(name: str) -> None:
    assert f"`{name}`" in SECTIONS, f"{PAGE.name} has no section ## `{name}`"
    words = set(
        re.findall(r"(?<![\w-])--?[a-z][a-z-]*", re.sub(r"^```.*?^```$", "", SECTIONS[f"`{name}`"], flags=re.M | re.S))
    )
    assert not options(name) - words, f"{PAGE.name} does not say this of {name}"
    assert not {word for word in documented(name) if word.startswith("--")} - options(name), "there is no such option"


def documented(name: str) -> set[str]:
    """The options that a section's tables describe, in their first column."""
    rows = re.findall(r"^\| (`-.*?) \|", SECTIONS[f"`{name}`"], flags=re.M)
    return {word for row in rows for word in re.findall(r"`(--?[a-z][a-z-]*)", row)}


def test_no_section_is_of_a_command_that_is_not_there() -> None:
    assert {title.strip("`") for title in SECTIONS if title.startswith("`")} == set(COMMANDS)


@pytest.mark.parametrize("option", ["--help", "-h", "--version", "--traceback"])
def test_options_of_all_commands(option: str) -> None:
    first = next(iter(SECTIONS.values()))
    assert f"`{option}`" in first or f"`typedpipe {option}`" in first
