"""The outbox: nothing that `append` returned from is lost, whatever is killed, full or locked."""

from __future__ import annotations

import fcntl
import os
import signal
import sqlite3
import threading

import pytest

from server.outbox.queue import Outbox
from server.outbox.sqlite_file import LONG_LOG_PAGES, PAGE_BYTES
from tabular.errors import Unavailable
from tests.unit.server.outbox_writing import ROOMY, prediction, rejected, start_writer, waiting


@pytest.fixture
def outbox(tmp_path):
    box = Outbox(tmp_path, ROOMY, "normal")
    yield box
    box.close()


def test_predictions_come_out_whole_and_in_order(outbox):
    outbox.append([prediction("a"), prediction("b")])
    outbox.append([prediction("c")])
    assert waiting(outbox) == [prediction("a"), prediction("b"), prediction("c")]


def test_what_was_acknowledged_is_gone_and_what_came_meanwhile_stays(outbox):
    outbox.append([prediction("a")])
    entries = outbox.oldest(10)
    outbox.append([prediction("b")])
    outbox.acknowledge(entries)
    assert [each.id for each in waiting(outbox)] == ["b"]


def test_the_oldest_entries_reach_the_number_asked_for_and_no_further(outbox):
    for name in "abcd":
        outbox.append([prediction(name), prediction(name * 2)])
    assert [entry.predictions for entry in outbox.oldest(3)] == [2, 2]


def test_the_depth_counts_predictions_and_the_age_is_the_oldest_ones(outbox):
    assert outbox.status().current.depth == 0
    assert outbox.status().current.oldest_age_seconds < 1
    for size in (1, 3, 5):
        outbox.append([prediction()] * size)
    assert outbox.status().current.depth == 9
    outbox.acknowledge(outbox.oldest(1))
    assert outbox.status().current.depth == 8
    outbox.acknowledge(outbox.oldest(100))
    assert outbox.status().current.depth == 0


def test_a_rejected_document_is_kept_with_its_reason(outbox, tmp_path):
    outbox.append([prediction("a")])
    outbox.acknowledge(outbox.oldest(10), [("too large", b"{}")])
    assert rejected(tmp_path) == [("too large", b"{}")]
    assert outbox.status().current.rejected == 1
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


def test_a_full_outbox_rejects_and_keeps_what_it_has(tmp_path):
    outbox = Outbox(tmp_path, 400_000, "normal")
    appended = []

    def fill():
        for number in range(10_000):
            outbox.append([prediction(str(number))])
            appended.append(str(number))

    with pytest.raises(Unavailable, match="the outbox is not available: database or disk is full"):
        fill()
    assert [each.id for each in waiting(outbox)] == appended
    outbox.acknowledge(outbox.oldest(10**9))
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


def sizes(folder) -> tuple[int, int]:
    """Bytes of the file and of SQLite's log."""
    return tuple((folder / name).stat().st_size for name in ("outbox-000001.sqlite", "outbox-000001.sqlite-wal"))


def test_an_append_leaves_the_log_to_the_relay_whose_checkpoints_keep_it_short(outbox, tmp_path):
    entry = [prediction("x" * 10_000)]
    for _ in range(1_000):
        outbox.append(entry)
    empty_file, long_log = sizes(tmp_path)
    assert empty_file < 100_000
    assert long_log > 10_000_000
    outbox.checkpoint_log()
    assert sizes(tmp_path)[0] > 10_000_000
    for _ in range(100):
        outbox.append(entry)
    assert sizes(tmp_path)[1] == long_log  # written over from its beginning
    assert outbox.status().current.depth == 1_100


def test_a_long_log_begins_anew_although_there_is_always_something_left_of_it(outbox, tmp_path):
    entry = [prediction("x" * 100_000)]
    for _ in range(LONG_LOG_PAGES * PAGE_BYTES // 100_000 + 1):
        outbox.append(entry)
    reader = sqlite3.connect(tmp_path / "outbox-000001.sqlite", isolation_level=None, check_same_thread=False)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM entries").fetchone()
    outbox.append(entry)  # what the reader does not see cannot be moved yet
    leaving = threading.Timer(0.3, reader.close)
    leaving.start()
    outbox.checkpoint_log()
    leaving.join()
    _, long_log = sizes(tmp_path)
    for _ in range(20):
        outbox.append(entry)
    assert sizes(tmp_path)[1] == long_log  # written over from its beginning


def test_without_a_relay_the_log_stays_bounded_too(tmp_path):
    outbox = Outbox(tmp_path, 1_000_000_000, "normal")
    entry = [prediction("x" * 100_000)]
    for _ in range(1_000):
        outbox.append(entry)
    file, log = sizes(tmp_path)
    assert file > 60_000_000
    assert log < 80_000_000
    outbox.close()


def test_tidying_waits_for_nobody(outbox, tmp_path):
    outbox.append([prediction()])
    with (tmp_path / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        outbox.checkpoint_log()
        assert sizes(tmp_path)[0] > 0
