"""The lineage of a file that the real DVC tracks."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from tabular.data.reading import ReadAs
from tabular.data.versions.dvc import DvcLineage, dvc_lineage
from tabular.data.versions.version import Version, read_anew
from tabular.errors import InvalidSetting

BODY = b"a,b\r\n1,2\r\n"


@pytest.fixture(scope="module")
def repository(dvc_program, tmp_path_factory) -> tuple[Path, Callable[..., str]]:
    """A git repository whose folder data has a table that DVC tracks, and what runs a program in that folder."""
    folder = tmp_path_factory.mktemp("repository") / "data"
    folder.mkdir()
    (folder / "table.csv").write_bytes(BODY)
    own = {f"DVC_{name}_DIR": str(folder.parent / f".{name}") for name in ("SITE_CACHE", "GLOBAL_CONFIG")}
    who = {f"GIT_{role}_{what}": "a@b" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    path = f"{dvc_program.parent}:{os.environ['PATH']}"
    environ = {**os.environ, **own, **who, "DVC_NO_ANALYTICS": "1", "PATH": path}

    def run(*command: str) -> str:
        return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=True).stdout

    run("git", "init", "-q", "..")
    run("dvc", "--cd", "..", "init", "-q")
    run("dvc", "add", "-q", "table.csv")
    return folder, run


def test_the_lineage_is_the_path_the_md5_and_the_commit_of_the_tracked_file(repository, monkeypatch):
    folder, run = repository
    file = folder / "table.csv"
    assert dvc_lineage(file, BODY) == DvcLineage("table.csv", "b202f333fba4fd38d4b8e5e693077aab")
    run("git", "add", "..")
    run("git", "commit", "-qm", "the table")
    revision = run("git", "rev-parse", "HEAD").strip()
    run("git", "commit", "-qm", "something else", "--allow-empty")
    known = DvcLineage("data/table.csv", "b202f333fba4fd38d4b8e5e693077aab", revision)
    assert dvc_lineage(file, BODY) == known
    monkeypatch.chdir(folder)
    assert dvc_lineage(Path("table.csv"), BODY) == known
    assert str(known) == f"data/table.csv, md5 {known.md5}, rev {revision}"
    (folder / "table.csv").write_bytes(BODY + b"3,4\r\n")
    run("dvc", "add", "-q", "table.csv")
    changed = dvc_lineage(file, file.read_bytes())
    assert (changed.path, changed.revision) == ("data/table.csv", None)
    assert changed.md5 != known.md5


def test_a_file_that_is_not_the_tracked_one_is_rejected_with_what_settles_it(tmp_path):
    table, note = tmp_path / "table.csv", tmp_path / "table.csv.dvc"
    assert dvc_lineage(table, BODY) is None
    note.write_text("outs:\n- md5: b202f333fba4fd38d4b8e5e693077aab\n  hash: md5\n  path: table.csv\n")
    assert dvc_lineage(table, BODY) == DvcLineage("table.csv", "b202f333fba4fd38d4b8e5e693077aab")
    with pytest.raises(InvalidSetting, match=r"is not the file that DVC tracks: .* dvc add table\.csv\. "):
        dvc_lineage(table, BODY.replace(b"\r", b""))
    note.write_text("outs: 5")
    with pytest.raises(InvalidSetting, match=r"table\.csv\.dvc cannot be read"):
        dvc_lineage(table, BODY)


def test_the_md5_of_dvc_2_is_of_unix_line_ends(tmp_path):
    (tmp_path / "table.csv.dvc").write_text("outs:\n- md5: cc2d6e3d0ee5ac1a1ab6ea1ac9ff2c5a\n  path: table.csv\n")
    with pytest.raises(InvalidSetting, match="is not the file"):
        dvc_lineage(tmp_path / "table.csv", BODY)
    (tmp_path / "table.csv.dvc").write_text("outs:\n- md5: MD5\n  path: table.csv\n".replace("MD5", UNIX_MD5))
    assert dvc_lineage(tmp_path / "table.csv", BODY).md5 == UNIX_MD5


def test_a_version_keeps_the_newest_lineage_that_was_known():
    about = {"table": "t", "sha256": "a", "rows": 1, "columns": ("a",), "contract": "c", "source": "table.csv"}
    known = Version(**about, created_at=datetime.now(UTC), read_as=ReadAs(format="csv"))
    tracked = msgspec.structs.replace(known, dvc=DvcLineage("table.csv", "b2"))
    assert read_anew(known, tracked) == tracked
    assert read_anew(tracked, known) == tracked
    assert msgspec.json.decode(msgspec.json.encode(tracked), type=Version) == tracked


UNIX_MD5 = "e5ebd4c02cefbe7955977c67ada242b7"
