"""The outbox: nothing that `append` returned from is lost, whatever is killed, full, locked or damaged."""

from __future__ import annotations

import fcntl
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing
from datetime import UTC, datetime

import msgspec
import pytest

from server.outbox import Outbox
from tabular.errors import Unavailable
from tabular.prediction import Prediction

ROOMY = 100_000_000

WRITER = """
import sys
from pathlib import Path
from datetime import UTC, datetime
from server.outbox import Outbox
from tabular.prediction import Prediction

folder, name, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
outbox = Outbox(folder, 100_000_000, "normal")
for number in range(count):
    outbox.append([Prediction(id=f"{name}{number}", made_at=datetime.now(UTC), run_id="r", contract="c", door="api",
                              row={"a": 1.5}, score=0.5)])
    print(f"{name}{number}", flush=True)
"""


def prediction(name: str = "p") -> Prediction:
    return Prediction(
        id=name,
        made_at=datetime(2026, 3, 1, tzinfo=UTC),
        run_id="r",
        contract="c",
        door="api",
        row={"a": 0.1, "b": None, "c": "x"},
        score=0.1,
        warnings=("one",),
    )


@pytest.fixture
def outbox(tmp_path):
    box = Outbox(tmp_path, ROOMY, "normal")
    yield box
    box.close()


def waiting(outbox) -> list[Prediction]:
    pages = outbox.oldest(10**9)
    return [each for page in pages for each in msgspec.json.decode(page.body, type=list[Prediction])]


def start_writer(folder, name, count) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", textwrap.dedent(WRITER), str(folder), name, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_predictions_come_out_whole_and_in_order(outbox):
    outbox.append([prediction("a"), prediction("b")])
    outbox.append([prediction("c")])
    assert waiting(outbox) == [prediction("a"), prediction("b"), prediction("c")]


def test_what_was_settled_is_gone_and_what_came_meanwhile_stays(outbox):
    outbox.append([prediction("a")])
    pages = outbox.oldest(10)
    outbox.append([prediction("b")])
    outbox.settle(pages)
    assert [each.id for each in waiting(outbox)] == ["b"]


def test_the_oldest_pages_reach_the_number_asked_for_and_no_further(outbox):
    for name in "abcd":
        outbox.append([prediction(name), prediction(name * 2)])
    assert [page.predictions for page in outbox.oldest(3)] == [2, 2]


def test_the_depth_counts_predictions_and_the_age_is_the_oldest_ones(outbox):
    assert outbox.status().current.depth == 0
    assert outbox.status().current.oldest_age_seconds < 1
    for size in (1, 3, 5):
        outbox.append([prediction()] * size)
    assert outbox.status().current.depth == 9
    outbox.settle(outbox.oldest(1))
    assert outbox.status().current.depth == 8
    outbox.settle(outbox.oldest(100))
    assert outbox.status().current.depth == 0


def test_a_refused_document_is_kept_with_its_reason(outbox):
    outbox.append([prediction("a")])
    outbox.settle(outbox.oldest(10), [("too large", b"{}")])
    assert outbox.refused() == [("too large", b"{}")]
    assert outbox.status().current.refused == 1
    assert outbox.status().current.depth == 0


def test_another_opening_finds_what_was_appended(outbox, tmp_path):
    outbox.append([prediction("a")])
    again = Outbox(tmp_path, ROOMY, "full")
    assert waiting(again) == [prediction("a")]
    again.close()


def test_kill_9_of_the_writer_loses_nothing_it_was_told_is_written(tmp_path):
    writer = start_writer(tmp_path, "p", 100_000)
    told = [writer.stdout.readline().strip() for _ in range(300)]
    writer.send_signal(signal.SIGKILL)
    told += writer.stdout.read().split()
    writer.wait()
    outbox = Outbox(tmp_path, ROOMY, "normal")
    found = [each.id for each in waiting(outbox)]
    outbox.close()
    assert found[: len(told)] == told
    assert len(found) <= len(told) + 1  # the last one may have been written and not yet told


def test_two_processes_share_one_outbox(tmp_path):
    writers = [start_writer(tmp_path, name, 500) for name in "ab"]
    for writer in writers:
        writer.communicate()
        assert writer.returncode == 0
    outbox = Outbox(tmp_path, ROOMY, "normal")
    found = [each.id for each in waiting(outbox)]
    assert sorted(found) == sorted(f"{name}{number}" for name in "ab" for number in range(500))
    assert outbox.status().current.depth == 1_000
    outbox.close()


def test_a_full_outbox_refuses_and_keeps_what_it_has(tmp_path):
    outbox = Outbox(tmp_path, 400_000, "normal")
    appended = []

    def fill():
        for number in range(10_000):
            outbox.append([prediction(str(number))])
            appended.append(str(number))

    with pytest.raises(Unavailable, match="the outbox is not available: database or disk is full"):
        fill()
    assert [each.id for each in waiting(outbox)] == appended
    outbox.settle(outbox.oldest(10**9))
    outbox.append([prediction("room again")])
    assert [each.id for each in waiting(outbox)] == ["room again"]
    outbox.close()


def test_a_lock_that_somebody_sits_on_makes_it_unavailable(outbox, tmp_path):
    holder = os.open(tmp_path / "lock", os.O_RDWR)
    fcntl.flock(holder, fcntl.LOCK_EX)
    with pytest.raises(Unavailable, match="held its lock for too long"):
        outbox.append([prediction()])
    os.close(holder)
    outbox.append([prediction("a")])
    assert waiting(outbox) == [prediction("a")]


def test_a_folder_that_cannot_be_made_is_unavailable_and_says_where_to_look(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="STATE_DIR"):
        Outbox(tmp_path / "file" / "outbox", ROOMY, "normal")


def damaged(folder, damage) -> Outbox:
    """An outbox of 500 pages, closed, damaged and opened again."""
    outbox = Outbox(folder, ROOMY, "normal")
    for number in range(500):
        outbox.append([prediction(str(number))])
    outbox.close()
    damage(folder / "outbox-000001.sqlite")
    return Outbox(folder, ROOMY, "normal")


def test_a_cut_off_file_is_set_aside_and_what_is_whole_is_saved(tmp_path, caplog):
    def cut(path):
        os.truncate(path, path.stat().st_size // 2)

    outbox = damaged(tmp_path, cut)
    outbox.append([prediction("new")])
    found = [each.id for each in waiting(outbox)]
    assert found[-1] == "new"
    assert found[:-1] == [str(number) for number in range(len(found) - 1)]
    assert len(found) > 100
    assert outbox.status().set_aside == 1
    assert "set aside" in caplog.text
    assert (tmp_path / "outbox-000001.sqlite").exists()
    outbox.close()


def test_a_hole_in_the_middle_loses_only_the_hole(tmp_path):
    def overwrite(path):
        with path.open("r+b") as file:
            file.seek(path.stat().st_size // 2)
            file.write(b"\xff" * 8_192)

    outbox = damaged(tmp_path, overwrite)
    found = [int(each.id) for each in waiting(outbox)]
    assert found == sorted(found)
    assert found[0] == 0
    assert found[-1] == 499
    assert 400 < len(found) < 500
    assert outbox.status().set_aside == 1
    outbox.close()


def test_a_file_that_is_no_database_is_set_aside(tmp_path):
    outbox = damaged(tmp_path, lambda path: path.write_bytes(os.urandom(10_000)))
    outbox.append([prediction("new")])
    assert waiting(outbox) == [prediction("new")]
    assert outbox.status().set_aside == 1
    outbox.close()


def test_a_file_cut_to_nothing_is_told_and_not_taken_for_a_new_one(tmp_path):
    outbox = damaged(tmp_path, lambda path: os.truncate(path, 0))
    outbox.append([prediction("new")])
    assert waiting(outbox) == [prediction("new")]
    assert outbox.status().set_aside == 1
    outbox.close()


def rewrite_schema(connection, old, new):
    connection.execute("PRAGMA writable_schema = 1")
    connection.execute("UPDATE sqlite_master SET sql = replace(sql, ?, ?)", (old, new))
    connection.commit()


def lose_a_column(path):
    with closing(sqlite3.connect(path)) as connection:
        rewrite_schema(connection, "queued_at", "no_longer")


def lose_a_value(path):
    with closing(sqlite3.connect(path)) as connection:
        rewrite_schema(connection, "predictions INTEGER NOT NULL", "predictions")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE pages SET predictions = NULL WHERE upto = 1")
        connection.commit()


def unreadable_message(path):
    """SQLite's complaint about this quotes it, and it is no text."""
    path.write_bytes(path.read_bytes().replace(b"CREATE TABLE refused", b"CREATE \x80ABLE refused"))
    with closing(sqlite3.connect(path)) as connection, pytest.raises(UnicodeDecodeError):
        connection.execute("SELECT * FROM pages")


@pytest.mark.parametrize("damage", [lose_a_column, lose_a_value, unreadable_message])
def test_a_schema_or_a_value_that_was_never_written_does_not_stop_the_outbox(tmp_path, damage):
    outbox = damaged(tmp_path, damage)
    outbox.append([prediction("new")])
    assert waiting(outbox)[-1] == prediction("new")
    assert outbox.status().set_aside == 1
    outbox.close()


def test_a_torn_tail_of_the_log_loses_only_what_was_never_acknowledged(tmp_path):
    writer = start_writer(tmp_path, "p", 100_000)
    told = [writer.stdout.readline().strip() for _ in range(50)]
    writer.send_signal(signal.SIGKILL)
    told += writer.stdout.read().split()
    writer.wait()
    with (tmp_path / "outbox-000001.sqlite-wal").open("ab") as log:
        log.write(os.urandom(3_000))
    outbox = Outbox(tmp_path, ROOMY, "normal")
    assert [each.id for each in waiting(outbox)][: len(told)] == told
    outbox.close()


def test_another_process_follows_to_the_new_file(tmp_path):
    first, second = Outbox(tmp_path, ROOMY, "normal"), Outbox(tmp_path, ROOMY, "normal")
    first.append([prediction("old")])
    stale = second.oldest(10)
    (tmp_path / "lock").write_text(f"{2:020}")  # as after a salvage by a third
    second.append([prediction("new")])
    first.append([prediction("newer")])
    assert [each.id for each in waiting(first)] == ["new", "newer"]
    first.settle(stale)  # pages of the old file, sharing keys with the new one's
    assert [each.id for each in waiting(first)] == ["new", "newer"]
    first.close()
    second.close()


def sizes(folder) -> tuple[int, int]:
    """Bytes of the file and of SQLite's log."""
    return tuple((folder / name).stat().st_size for name in ("outbox-000001.sqlite", "outbox-000001.sqlite-wal"))


def test_an_append_leaves_the_log_to_the_drain_and_tidying_keeps_it_short(outbox, tmp_path):
    page = [prediction("x" * 10_000)]
    for _ in range(1_000):
        outbox.append(page)
    empty_file, long_log = sizes(tmp_path)
    assert empty_file < 100_000
    assert long_log > 10_000_000
    outbox.tidy()
    assert sizes(tmp_path)[0] > 10_000_000
    for _ in range(100):
        outbox.append(page)
    assert sizes(tmp_path)[1] == long_log  # written over from its beginning
    assert outbox.status().current.depth == 1_100


def test_without_a_drain_the_log_stays_bounded_too(outbox, tmp_path):
    page = [prediction("x" * 100_000)]
    for _ in range(700):
        outbox.append(page)
    file, log = sizes(tmp_path)
    assert file > 30_000_000
    assert log < 40_000_000


def test_tidying_waits_for_nobody(outbox, tmp_path):
    outbox.append([prediction()])
    with (tmp_path / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        outbox.tidy()
        assert sizes(tmp_path)[0] > 0
