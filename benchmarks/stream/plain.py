"""What one would write at first: a plain boto3 loop, and a consumer that deals with its records one by one.

    python -m benchmarks.stream.plain batches|one-by-one BUNDLE EMULATOR_URL MONGO_URI STREAM RECORDS

Both read the same records, score with the same bundle, write the same documents to the same store under the same
indexes, and put the same results. Neither keeps leases or dead letters, puts again what a stream did not take, or
follows a reshard. Prints the seconds that the records took.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import msgspec
import pymongo

from benchmarks.harness.model import RUN_ID
from benchmarks.stream.consumers import OTHER
from tabular.adapters.mongo.documents import document_of
from tabular.encoding.row import matrix
from tabular.model.bundle import Bundle, read_bundle
from tabular.predictions.prediction import Prediction, id_from_stream, reply
from tabular.settings import Settings
from tabular.wiring import Wiring

BATCH_RECORDS = 500


def main() -> None:
    """Read the records, and print how long it took."""
    kind, folder, url, mongo, stream, records = sys.argv[1:]
    bundle = read_bundle(Path(folder))
    client = boto3.client("kinesis", endpoint_url=url, region_name="us-east-1")
    Wiring(Settings(mongo_uri=mongo, mongo_database=kind)).predictions().save([])  # makes the indexes
    database: Any = pymongo.MongoClient(mongo)[kind]
    work = in_batches if kind == "batches" else one_by_one
    left, started = int(records), time.perf_counter()
    for shard, page in pages(client, stream):
        work(client, bundle, database, shard, page)
        position = {"$set": {"at": page[-1]["SequenceNumber"]}}
        database["positions"].update_one({"_id": f"{stream}/{shard}"}, position, upsert=True)
        left -= len(page)
        if left <= 0:
            break
    print(time.perf_counter() - started)


def pages(client: Any, stream: str) -> Iterator[tuple[str, list[Any]]]:
    """The pages of one shard after another, without end."""
    iterators = {}
    for shard in client.list_shards(StreamName=stream)["Shards"]:
        name = shard["ShardId"]
        begin = client.get_shard_iterator(StreamName=stream, ShardId=name, ShardIteratorType="TRIM_HORIZON")
        iterators[name] = begin["ShardIterator"]
    while True:
        for name, iterator in iterators.items():
            page = client.get_records(ShardIterator=iterator, Limit=BATCH_RECORDS)
            iterators[name] = page["NextShardIterator"]
            if page["Records"]:
                yield name, page["Records"]


def predictions(bundle: Bundle, shard: str, page: list[Any]) -> list[Prediction]:
    """The prediction of each record, in order."""
    rows = [bundle.codec.decode(record["Data"]) for record in page]
    return [
        Prediction(
            id=id_from_stream(OTHER, shard, record["SequenceNumber"]),
            made_at=datetime.now(UTC),
            table=bundle.contract.table.name,
            run_id=RUN_ID,
            contract=bundle.contract.digest,
            source="stream",
            row=dict(zip(bundle.contract.feature_names, row.values, strict=True)),
            score=float(score),
        )
        for record, row, score in zip(page, rows, bundle.predict(matrix(rows)), strict=True)
    ]


def result(bundle: Bundle, shard: str, record: Any, prediction: Prediction) -> bytes:
    """The record of the results stream."""
    place = {"partition_key": record["PartitionKey"], "shard": shard, "sequence_number": record["SequenceNumber"]}
    return msgspec.json.encode(reply(prediction, bundle.contract) | place)


def in_batches(client: Any, bundle: Bundle, database: Any, shard: str, page: list[Any]) -> None:
    """Store a page in one call, and put its results in another."""
    made = predictions(bundle, shard, page)
    database["data"].insert_many([document_of(one) for one in made])
    entries = [
        {"PartitionKey": record["PartitionKey"], "Data": result(bundle, shard, record, one)}
        for record, one in zip(page, made, strict=True)
    ]
    client.put_records(StreamName=OTHER, Records=entries)


def one_by_one(client: Any, bundle: Bundle, database: Any, shard: str, page: list[Any]) -> None:
    """Two calls for each record."""
    for record in page:
        (one,) = predictions(bundle, shard, [record])
        database["data"].insert_one(document_of(one))
        data = result(bundle, shard, record, one)
        client.put_record(StreamName=OTHER, Data=data, PartitionKey=record["PartitionKey"])


if __name__ == "__main__":
    main()
