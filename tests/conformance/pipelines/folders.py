"""Directories as artifacts: empty ones, nested ones, links, names with spaces; an empty file and a larger one.

Containers get and make empty directories too.
"""

from __future__ import annotations

from typing import NamedTuple

from typedpipe import dsl
from typedpipe.dsl import OUT, ContainerSpec, Dataset, Input, Model, Output, OutputPath


@dsl.component(base_image="python:3.11-slim")
def make(
    tree: Output[Dataset] = OUT,
    bare: Output[Dataset] = OUT,
    hollow: Output[Dataset] = OUT,
    blank: Output[Dataset] = OUT,
    big: Output[Model] = OUT,
) -> None:
    import os

    os.makedirs(f"{tree.path}/a b/ü")
    os.makedirs(f"{tree.path}/empty/deeper")
    with open(f"{tree.path}/a b/ü/file.txt", "w") as out:
        out.write("text")
    os.symlink("a b/ü/file.txt", f"{tree.path}/link.txt")
    os.symlink("a b", f"{tree.path}/linked-folder")
    os.makedirs(bare.path)
    os.makedirs(f"{hollow.path}/only/folders")
    open(blank.path, "w").close()
    with open(big.path, "wb") as file:
        for number in range(8):
            file.write(bytes([number]) * 1_000_000)


@dsl.component(base_image="python:3.11-slim")
def listing(tree: Input[Dataset], bare: Input[Dataset], hollow: Input[Dataset], blank: Input[Dataset]) -> list[str]:
    import os

    found = []
    for folder, names, files in os.walk(tree.path, followlinks=True):
        found += [os.path.relpath(os.path.join(folder, name), tree.path) for name in [*names, *files]]
    with open(f"{tree.path}/link.txt") as file:
        found.append(file.read())
    found.append(f"bare {os.listdir(bare.path)} hollow {[names for _, names, _ in os.walk(hollow.path)]}")
    found.append(f"blank {os.path.isfile(blank.path)} {os.path.getsize(blank.path)}")
    return sorted(found)


@dsl.component(base_image="python:3.11-slim")
def digest(big: Input[Model]) -> str:
    import hashlib

    with open(big.path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


@dsl.container_component
def nothing(out: Output[Dataset] = OUT) -> ContainerSpec:
    """Make an empty directory."""
    return ContainerSpec(image="python:3.11-slim", command=["sh", "-ec", 'mkdir -p "$0"'], args=[out.path])


@dsl.container_component
def add(data: Input[Dataset], grown: Output[Dataset] = OUT, found: OutputPath[str] = OUT) -> ContainerSpec:
    """Copy a directory and add a file to the copy; list what was in it."""
    return ContainerSpec(
        image="python:3.11-slim",
        command=[
            "sh",
            "-ec",
            'mkdir -p "$1" "$(dirname "$2")"; cp -r "$0/." "$1"; echo 1 > "$1/added"; ls -A "$0" > "$2"',
        ],
        args=[data.path, grown, found],
    )


@dsl.component(base_image="python:3.11-slim")
def names(data: Input[Dataset]) -> list[str]:
    import os

    return sorted(os.listdir(data.path))


class Outputs(NamedTuple):
    listing: list[str]
    digest: str
    found: str
    grown: list[str]
    nothing: list[str]
    again: str


@dsl.pipeline
def main() -> Outputs:
    made = make().outputs
    added = add(data=made.bare).outputs
    plain = nothing().outputs["out"]
    return Outputs(
        listing(tree=made.tree, bare=made.bare, hollow=made.hollow, blank=made.blank).output,
        digest(big=made.big).output,
        added.found,
        names(data=added.grown).output,
        names(data=plain).output,
        add(data=plain).outputs.found,
    )


EXPECTED = {
    "state": "SUCCEEDED",
    "outputs": {
        "listing": sorted(
            [
                "a b",
                "a b/ü",
                "a b/ü/file.txt",
                "bare [] hollow [['only'], ['folders'], []]",
                "blank True 0",
                "empty",
                "empty/deeper",
                "link.txt",
                "linked-folder",
                "linked-folder/ü",
                "linked-folder/ü/file.txt",
                "text",
            ]
        ),
        "digest": "af27f7ff668b47d8a30ea584e56697029cc4d1aebe5398d5e111b5aaea9c34bf",
        "found": "",
        "grown": ["added"],
        "nothing": [],
        "again": "",
    },
}
