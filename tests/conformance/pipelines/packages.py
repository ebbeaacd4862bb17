"""packages_to_install: a pod finds them where pip looks, in addition to the image's packages."""

from __future__ import annotations

from typedpipe import dsl


@dsl.component(base_image="python:3.11-slim", packages_to_install=["iniconfig>=2"])
def sections(text: str) -> list[str]:
    import iniconfig

    return [section.name for section in iniconfig.IniConfig("typed.ini", text)]


@dsl.pipeline
def main(text: str = "[one]\na = 1\n[two]\n") -> list[str]:
    return sections(text=text).output


EXPECTED = {"state": "SUCCEEDED", "outputs": {"Output": ["one", "two"]}}
