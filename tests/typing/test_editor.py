"""Editor help, from the language server of pyright: signatures at a call, and the text over a name."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.typing.checkers import BIN

PROGRAM = '''\
from typedpipe import component, pipeline


@component(base_image="x")
def train(rows: int, rate: float = 0.1) -> int:
    """Train a model on rows."""
    return rows


@component()
def bare(n: int) -> int:
    return n


@pipeline()
def sub(rows: int = 1) -> int:
    """Train it once."""
    return train(rows=rows).output


@pipeline(name="all")
def main(rows: int = 1) -> int:
    return sub(rows=rows).output
'''


class Server:
    """A client of the language server: one request at a time."""

    def __init__(self, folder: Path) -> None:
        command = [str(BIN / "pyright-langserver"), "--stdio"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=folder
        )
        self._number = 0
        self._uri = (folder / "flow.py").as_uri()
        plain = {"signatureInformation": {"documentationFormat": ["plaintext"], "activeParameterSupport": True}}
        text = {"signatureHelp": plain, "hover": {"contentFormat": ["plaintext"]}}
        abilities = {"textDocument": text, "workspace": {"configuration": True}}
        folders = [{"uri": folder.as_uri(), "name": "flow"}]
        start = {
            "processId": None,
            "rootUri": folder.as_uri(),
            "capabilities": abilities,
            "workspaceFolders": folders,
        }
        self._ask("initialize", start)
        self._send({"method": "initialized", "params": {}})
        document = {"uri": self._uri, "languageId": "python", "version": 1, "text": PROGRAM}
        self._send({"method": "textDocument/didOpen", "params": {"textDocument": document}})

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()

    def signature(self, before: str) -> dict[str, Any]:
        """The signature that is shown with the cursor behind this text."""
        found = self._at("signatureHelp", PROGRAM.index(before) + len(before))
        shown: dict[str, Any] = found["signatures"][found["activeSignature"]]
        return shown

    def hover(self, text: str, name: str) -> str:
        """The text over a name in this text."""
        found: str = self._at("hover", PROGRAM.index(text) + text.index(name) + 1)["contents"]["value"]
        return found

    def _at(self, method: str, offset: int) -> Any:
        line, start = PROGRAM.count("\n", 0, offset), PROGRAM.rfind("\n", 0, offset) + 1
        place = {"textDocument": {"uri": self._uri}, "position": {"line": line, "character": offset - start}}
        return self._ask(f"textDocument/{method}", place)

    def _send(self, message: dict[str, Any]) -> None:
        data = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(data) + data)
        self._process.stdin.flush()

    def _ask(self, method: str, params: object) -> Any:
        self._number += 1
        number = self._number
        self._send({"id": number, "method": method, "params": params})
        while True:
            message = self._read()
            if message.get("id") == number and "method" not in message:
                return message["result"]
            if "id" in message and "method" in message:
                asked = message["method"] == "workspace/configuration"
                answer = [{"pythonPath": sys.executable} for _ in message["params"]["items"]] if asked else None
                self._send({"id": message["id"], "result": answer})

    def _read(self) -> dict[str, Any]:
        size = 0
        assert self._process.stdout is not None
        while line := self._process.stdout.readline().strip():
            if line.lower().startswith(b"content-length:"):
                size = int(line.partition(b":")[2])
        message: dict[str, Any] = json.loads(self._process.stdout.read(size))
        return message


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("editor")
    (folder / "flow.py").write_text(PROGRAM)
    made = Server(folder)
    yield made
    made.close()


@pytest.mark.parametrize("before", ["@component(", "return rows\n\n\n@component(", '@component(base_image="x"'])
def test_the_options_of_a_component_come_first(server: Server, before: str) -> None:
    shown = server.signature(before)
    assert "base_image: str" in shown["label"]
    assert "packages_to_install: list[str]" in shown["label"]
    assert "base_image: The container image that it runs in." in shown["documentation"]["value"]


@pytest.mark.parametrize("before", ["@pipeline(", '@pipeline(name="all"'])
def test_the_options_of_a_pipeline_come_first(server: Server, before: str) -> None:
    shown = server.signature(before)
    assert "display_name: str" in shown["label"]
    assert "display_name: Its name in user interfaces." in shown["documentation"]["value"]


def test_calls_show_the_parameters_and_docstrings_of_the_functions(server: Server) -> None:
    shown = server.signature("return train(")
    assert (shown["label"], shown["documentation"]["value"]) == (
        "(rows: int, rate: float = 0.1) -> Task[int]",
        "Train a model on rows.",
    )
    shown = server.signature("return sub(")
    assert (shown["label"], shown["documentation"]["value"]) == ("(rows: int = 1) -> Task[int]", "Train it once.")


def test_names_show_docstrings(server: Server) -> None:
    assert server.hover("return sub(", "sub").endswith("Train it once.")
    assert server.hover("return train(", "train").endswith("Train a model on rows.")
    assert "Create a component from a plain function" in server.hover("@component(", "component")
