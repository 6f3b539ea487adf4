"""The port `BlockStore`: the prediction store and its twin in memory give the same."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pymongo
import pytest

from tabular.errors import Unavailable
from tabular.predictions.block import Block
from tabular.predictions.loss_block import LossBlock
from tabular.settings import Settings, with_values
from tabular.wiring import Wiring
from tests.adapters.memory.blocks import MemoryBlocks
from tests.adapters.noon import NOON


def block(at, run_id="run1", **changes):
    since = NOON + timedelta(seconds=300 * at)
    fields = {"table": "churn", "run_id": run_id, "bundle": "b", "since": since, "until": since + timedelta(seconds=1)}
    return Block(
        **(fields | {"rows": 9, "read_rows": 3, "mean_score": 0.5, "counted": (3, 2), "held": (1, 0)} | changes)
    )


@pytest.fixture
def mongo_blocks(store, settings, database):
    adapter = Wiring(msgspec.structs.replace(settings, mongo_database=database)).blocks()
    yield adapter
    adapter.close()


@pytest.fixture(params=["mongo", "memory"])
def blocks(request):
    return request.getfixturevalue("mongo_blocks") if request.param == "mongo" else MemoryBlocks()


def test_the_blocks_of_a_run_come_in_order_from_a_time_on(blocks):
    written = [block(2), block(0), block(1, mean_score=None), block(1, run_id="run2")]
    for one in written:
        blocks.save(one)
    assert blocks.blocks("run1", NOON) == [written[1], written[2], written[0]]
    assert blocks.blocks("run1", NOON + timedelta(seconds=300)) == [written[2], written[0]]
    assert blocks.blocks("run2", NOON) == [written[3]]
    assert blocks.blocks("nobody", NOON) == []


def test_a_block_of_the_same_beginning_is_replaced(blocks):
    blocks.save(block(0))
    blocks.save(block(0, rows=10))
    assert [one.rows for one in blocks.blocks("run1", NOON)] == [10]


def test_what_is_no_block_is_left_out(mongo_blocks, settings, database):
    mongo_blocks.save(block(0))
    client = pymongo.MongoClient(settings.mongo_uri)
    client[database]["blocks"].insert_one({"_id": "x", "run_id": "run1", "since_us": 2**52, "until_us": "soon"})
    client.close()
    assert len(mongo_blocks.blocks("run1", NOON)) == 1


def test_a_store_that_is_down_is_unavailable():
    down = Wiring(with_values(Settings(), mongo_uri="mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=100")).blocks()
    with pytest.raises(Unavailable):
        down.blocks("run1", NOON)
    down.close()


def test_the_blocks_of_labelled_predictions_are_kept_apart(mongo_blocks, settings, database):
    of_labels = Wiring(msgspec.structs.replace(settings, mongo_database=database)).loss_blocks()
    fields = {"table": "churn", "run_id": "run1", "bundle": "b", "since": NOON, "until": NOON + timedelta(seconds=1)}
    written = LossBlock(**fields, rows=9, read_rows=3, mean_loss=0.1, counts=(0.25, 2.75))
    mongo_blocks.save(block(0))
    of_labels.save(written)
    assert of_labels.blocks("run1", NOON) == [written]
    assert mongo_blocks.blocks("run1", NOON) == [block(0)]
    of_labels.close()


def test_the_blocks_of_a_table_come_by_their_end_of_all_runs_and_at_most_so_many(blocks):
    late = block(0, run_id="run2", until=NOON + timedelta(hours=1), distance=0.2, feature="age", estimates={"r2": 0.5})
    for one in (late, block(1), block(0), block(0, run_id="other", table="rides")):
        blocks.save(one)
    assert blocks.of_table("churn", NOON, 9) == [block(0), block(1), late]
    assert blocks.of_table("churn", NOON, 2) == [block(0), block(1)]
    assert blocks.of_table("churn", late.until, 9) == [late]
    assert blocks.of_table("nothing", NOON, 9) == []


def test_a_block_of_before_distances_were_kept_is_read(mongo_blocks, settings, database):
    mongo_blocks.save(block(0))
    client = pymongo.MongoClient(settings.mongo_uri)
    document = client[database]["blocks"].find_one({})
    older = {key: value for key, value in document.items() if key not in ("distance", "feature", "estimates")}
    client[database]["blocks"].replace_one({"_id": older["_id"]}, older)
    client.close()
    assert mongo_blocks.of_table("churn", NOON, 9) == [block(0)]
