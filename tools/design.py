"""Cost of change, as figures: ``make design`` prints them, and ``make check`` fails when one gets worse.

    python tools/design.py                     # the table, for this checkout
    python tools/design.py --before DIR        # compare with another checkout
    python tools/design.py --root DIR --json   # another checkout, as JSON
    python tools/design.py --explain circles   # the rule of a row, and the files, modules, docstrings or cycles counted
    python tools/design.py --check             # exit code 1 when a figure is above its ceiling

The rules are in ``tools/design_rules.py``; ``tools/source_tree.py`` says which sources count.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(HERE))  # `python tools/design.py` puts only the directory tools on its path

from tools import design_rules as rules  # noqa: E402 - after the line above
from tools.source_tree import Tree, Unmeasured  # noqa: E402


@dataclass(frozen=True)
class Row:
    """A figure: its title, its rule, the limit of ``--check``, and the target."""

    title: str
    measure: Callable[[Tree], rules.Figure]
    ceiling: int
    wanted: int
    unit: str = ""


ROWS = {
    "option": Row("source files that a plain task option touches", rules.plain_option, 3, 3),
    "value-option": Row("… an option that takes a pipeline value", rules.value_option, 3, 3),
    "kubernetes": Row("… a Kubernetes setting", rules.kubernetes_setting, 1, 1),
    "artifact": Row("… an artifact class of ours", rules.artifact_class, 2, 2),
    "node": Row("… a control-flow node", rules.control_flow_node, 11, 12),
    "command": Row("… a command", rules.command, 2, 2),
    "backend": Row("… a backend", rules.backend, 0, 0),
    "entered": Row("modules entered from decorator to YAML (warm, two calls)", rules.entered, 40, 40),
    "folder": Row("largest folder of modules, share of the code", rules.largest_folder, 8, 8, " %"),
    "package": Row("largest top-level package, share of the code", rules.largest_package, 28, 28, " %"),
    "circles": Row("import circles, type-checking and deferred imports included", rules.circles, 0, 0),
    "paths": Row("functions that read the path of a task by hand", rules.path_readers, 1, 1),
    "docstrings": Row("docstrings that open with What, Where, How, Which", rules.docstrings, 1, 1, " %"),
}

Figures = dict[str, rules.Figure]


def measure(root: Path, keys: Sequence[str] = tuple(ROWS)) -> Figures:
    """Figures of a checkout, by the key of their row."""
    tree = Tree(root)
    return {key: ROWS[key].measure(tree) for key in keys}


def table(now: Figures, before: Figures | None = None) -> str:
    """The figures as a Markdown table."""
    heads = ["", *(["before"] if before else []), "now", "wanted at most"]
    lines = [heads, ["---", *["--:"] * (len(heads) - 1)]]
    for key, row in ROWS.items():
        shown = [*([before[key]] if before else []), now[key]]
        lines.append([row.title, *(f"{figure.value}{row.unit}" for figure in shown), f"{row.wanted}{row.unit}"])
    notes = [
        f"{ROWS[key].title}, {name}: {figure.note}"
        for name, figures in (("before", before or {}), ("now", now))
        for key, figure in figures.items()
        if figure.note
    ]
    return "\n".join([*(f"| {' | '.join(line)} |" for line in lines), "", *notes])


def explanation(key: str, figure: rules.Figure) -> str:
    """The rule of a row, and the items counted by its figure."""
    row = ROWS[key]
    rule = [line.strip() for line in (row.measure.__doc__ or "").strip().splitlines()]
    return "\n".join([f"{row.title}: {figure.value}{row.unit}", *rule, "", *(f"  {part}" for part in figure.parts)])


def verdicts(now: Figures) -> tuple[list[str], list[str]]:
    """A sentence for each figure above its ceiling, and one for each ceiling that can be lowered."""
    worse: list[str] = []
    better: list[str] = []
    for key, figure in now.items():
        row = ROWS[key]
        found, most = f"{figure.value}{row.unit}", f"{row.ceiling}{row.unit}"
        if figure.value > row.ceiling:
            worse.append(f"{key} is {found}, at most {most} is accepted: see python tools/design.py --explain {key}")
        elif math.ceil(figure.value) < row.ceiling:
            better.append(f"{key} is {found}: its ceiling in tools/design.py, {most}, can be lowered")
    return worse, better


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=HERE, help="the checkout to measure (this one)")
    parser.add_argument("--before", type=Path, help="another checkout, for a column beside")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--explain", choices=ROWS, metavar="ROW", help=f"the parts of a figure: {', '.join(ROWS)}")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a figure is above its ceiling")
    options = parser.parse_args(arguments)
    try:
        now = measure(options.root.resolve(), [options.explain] if options.explain else list(ROWS))
        before = measure(options.before.resolve()) if options.before and not options.explain else None
    except Unmeasured as error:
        print(f"design: {error}", file=sys.stderr)
        return 1
    if options.check:
        worse, better = verdicts(now)
        print("\n".join(better + worse) or f"design: {len(now)} figures, none above its ceiling")
        return 1 if worse else 0
    if options.explain:
        print(explanation(options.explain, now[options.explain]))
    elif options.json:
        named = {"now": now, **({"before": before} if before else {})}
        found = {name: {key: figure.value for key, figure in figures.items()} for name, figures in named.items()}
        print(json.dumps(found if before else found["now"], indent=2))
    else:
        print(table(now, before))
    return 0


if __name__ == "__main__":
    sys.exit(main())
