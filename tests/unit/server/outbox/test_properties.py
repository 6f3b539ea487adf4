"""Properties of the outbox after a crash: what was acknowledged comes back, and never a row that was not appended.

A copy of the folder while it is open is what kill -9 leaves: the log is there, nothing was closed or tidied up.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.outbox.queue import Outbox
from tabular.predictions.label import LabelBatch
from tabular.predictions.prediction import Prediction
from tests.adapters.memory.labels import MemoryLabels
from tests.unit.server.outbox_writing import label, relay_of

ROOMY = 100_000_000
MAX_STEPS = 100
quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

entry_sizes = st.lists(st.integers(1, 4), min_size=1, max_size=25)
paddings = st.integers(0, 3_000)


class Kept:
    """A store that keeps what it is given, in order."""

    def __init__(self) -> None:
        self.predictions: list[Prediction] = []

    def save(self, predictions: Sequence[Prediction]) -> int:
        self.predictions += predictions
        return len(predictions)


def entry(first: int, size: int, padding: int) -> list[Prediction]:
    return [
        Prediction(
            id=f"p{number}",
            made_at=datetime(2026, 3, 1, tzinfo=UTC),
            table="t",
            run_id="r",
            contract="c",
            source="api",
            row={"a": number / 7, "b": None, "c": "x" * padding},
            score=1 / (number + 1),
        )
        for number in range(first, first + size)
    ]


def append(outbox: Outbox, sizes: Sequence[int], padding: int, first: int = 0) -> list[Prediction]:
    """Append entries of these sizes; returns all of their predictions."""
    appended: list[Prediction] = []
    for size in sizes:
        fresh = entry(first + len(appended), size, padding)
        outbox.append(fresh)
        appended += fresh
    return appended


@contextmanager
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def crashed(of: Path) -> Path:
    """The folder as kill -9 would leave it now."""
    image = of.with_name(f"{of.name}-crashed")
    shutil.rmtree(image, ignore_errors=True)
    return Path(shutil.copytree(of, image))


def recovered(image: Path) -> tuple[list[Prediction], int]:
    """Everything that a new start carries to the store, and how many losses it reports. Removes the image."""
    try:
        outbox, store = Outbox(image, ROOMY, "normal"), Kept()
        relay = relay_of(outbox, store)
        for _ in range(MAX_STEPS):
            if not outbox.oldest(1):
                break
            relay.step()
        else:
            raise AssertionError("the relay does not come to an end")
        status = outbox.status()
        outbox.append(entry(10**6, 1, 0))  # whatever happened, it goes on
        outbox.close()
        return store.predictions, status.set_aside + status.current.rejected
    finally:
        shutil.rmtree(image)


def logs(of: Path) -> list[Path]:
    return [path for path in of.iterdir() if path.name.endswith("-wal")]


def log_bytes(of: Path) -> int:
    return sum(path.stat().st_size for path in logs(of))


@quick
@given(st.lists(st.tuples(entry_sizes, st.booleans()), min_size=1, max_size=5), paddings)
def test_after_any_appends_relays_and_kills_everything_arrives_once_and_in_order(rounds, padding):
    with folder() as here:
        appended: list[Prediction] = []
        store = Kept()
        for sizes, is_relayed in rounds:
            outbox = Outbox(here, ROOMY, "normal")
            appended += append(outbox, sizes, padding, len(appended))
            if is_relayed:
                relay_of(outbox, store).step()
            image = crashed(here)
            outbox.close()
            shutil.rmtree(here)
            image.rename(here)
        rest, told = recovered(crashed(here))
        assert store.predictions + rest == appended
        assert told == 0


@quick
@given(st.lists(st.tuples(st.integers(1, 4), st.booleans()), min_size=1, max_size=8))
def test_labels_between_predictions_survive_any_kill_once_and_in_order(rounds):
    with folder() as here:
        told: list[str] = []
        store, labels = Kept(), MemoryLabels()
        for size, is_relayed in rounds:
            outbox = Outbox(here, ROOMY, "normal")
            names = [f"p{len(told) + at}" for at in range(size)]
            outbox.append(LabelBatch(tuple(label(name) for name in names)), entry(len(told), 1, 0))
            told += names
            if is_relayed:
                relay_of(outbox, store, labels).step()
            image = crashed(here)
            outbox.close()
            shutil.rmtree(here)
            image.rename(here)
        outbox = Outbox(here, ROOMY, "normal")
        while outbox.oldest(1):
            relay_of(outbox, store, labels).step()
        outbox.close()
        assert [each.prediction_id for each in labels.saved] == told
        assert len(store.predictions) == len(rounds)


@quick
@given(entry_sizes, paddings, st.floats(0, 1))
def test_a_log_cut_anywhere_keeps_what_was_written_before_the_cut(sizes, padding, share):
    with folder() as here:
        outbox = Outbox(here, ROOMY, "normal")
        written: list[tuple[int, list[Prediction]]] = []
        for size in sizes:
            fresh = append(outbox, [size], padding, sum(len(before) for _, before in written))
            written.append((log_bytes(here), fresh))
        image = crashed(here)
        outbox.close()
        (log,) = logs(image)
        cut = int(share * log.stat().st_size)
        with log.open("r+b") as file:
            file.truncate(cut)
        found, _ = recovered(image)
        before_cut = [each for upto, fresh in written if upto <= cut for each in fresh]
        assert found == before_cut or found == [each for _, fresh in written for each in fresh][: len(found)]
        assert len(found) >= len(before_cut)


@quick
@given(entry_sizes, paddings, st.floats(0, 1), st.binary(min_size=1, max_size=64))
def test_a_torn_tail_of_any_bytes_adds_and_takes_nothing(sizes, padding, share, tail):
    with folder() as here:
        outbox = Outbox(here, ROOMY, "normal")
        appended = append(outbox, sizes, padding)
        image = crashed(here)
        outbox.close()
        (log,) = logs(image)
        with log.open("ab") as file:
            file.write(tail * int(1 + share * 100))
        assert recovered(image) == (appended, 0)


@quick
@given(entry_sizes, paddings, st.floats(0, 1), st.binary(min_size=1, max_size=300), st.booleans())
def test_damage_anywhere_in_the_file_never_gives_a_wrong_row_nor_a_row_twice(sizes, padding, share, junk, is_cut):
    with folder() as here:
        outbox = Outbox(here, ROOMY, "normal")
        appended = append(outbox, sizes, padding)
        outbox.close()
        image = crashed(here)
        (file_path,) = image.glob("outbox-*.sqlite")
        with file_path.open("r+b") as file:
            file.seek(int(share * file_path.stat().st_size))
            if is_cut:
                file.truncate()
            else:
                file.write(junk)
        found, told = recovered(image)
        known = {each.id: each for each in appended}
        assert all(known.get(each.id) == each for each in found)
        assert len({each.id for each in found}) == len(found)
        assert len(found) == len(appended) or told
