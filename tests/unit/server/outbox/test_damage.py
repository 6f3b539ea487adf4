"""The outbox over damaged files: what is whole is saved, the file is set aside, and it goes on with a new one."""

from __future__ import annotations

import os
import signal
import sqlite3
from contextlib import closing

import pytest

from server.outbox.queue import Outbox
from tests.unit.server.outbox_writing import ROOMY, prediction, start_writer, waiting


def damaged(folder, damage) -> Outbox:
    """An outbox of 500 entries, closed, damaged and opened again."""
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
        connection.execute("UPDATE entries SET predictions = NULL WHERE end_offset = 1")
        connection.commit()


def unreadable_message(path):
    """SQLite's complaint about this quotes it, and it is no text."""
    path.write_bytes(path.read_bytes().replace(b"CREATE TABLE rejected", b"CREATE \x80ABLE rejected"))
    with closing(sqlite3.connect(path)) as connection, pytest.raises(UnicodeDecodeError):
        connection.execute("SELECT * FROM entries")


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
    first.acknowledge(stale)  # entries of the old file, sharing offsets with the new one's
    assert [each.id for each in waiting(first)] == ["new", "newer"]
    first.close()
    second.close()
