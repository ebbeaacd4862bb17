from __future__ import annotations

import os
from pathlib import Path

import pytest

from typedpipe.files import write_whole


@pytest.mark.parametrize("name", ["n" * 255, "é" * 127, "猫" * 85])
def test_a_name_may_be_as_long_as_the_system_takes(tmp_path: Path, name: str) -> None:
    write_whole(tmp_path / name, "old")
    write_whole(tmp_path / name, "new")
    assert (tmp_path / name).read_text() == "new"
    assert os.listdir(tmp_path) == [name]


def test_a_link_is_followed_and_the_mode_is_kept(tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    link.symlink_to(file)
    write_whole(link, "one")
    file.chmod(0o640)
    write_whole(link, "two")
    assert link.is_symlink()
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("two", 0o640)


def test_an_error_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_whole(tmp_path / "folder", "x")
    with pytest.raises(UnicodeEncodeError):
        write_whole(tmp_path / "file", "\ud800")
    assert os.listdir(tmp_path) == ["folder"]


def test_a_read_only_file_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As ``open`` does, for whom the file's mode is no obstacle: root may write to it."""
    file = tmp_path / "file"
    file.write_text("old")
    file.chmod(0o444)
    if os.access(file, os.W_OK):
        write_whole(file, "root")
        assert (file.read_text(), file.stat().st_mode & 0o777) == ("root", 0o444)
        file.write_text("old")
        monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    with pytest.raises(PermissionError) as caught:
        write_whole(file, "new")
    assert (caught.value.filename, file.read_text()) == (str(file), "old")
    assert os.listdir(tmp_path) == ["file"]
