"""What one would write at first: a plain boto3 loop, and a consumer that deals with its records one by one.

    python -m benchmarks.stream.plain batches|one-by-one BUNDLE EMULATOR_URL MONGO_URI STREAM RECORDS

Both score with the same bundle and write to the same store as the consumer, and put as many results. Neither keeps
leases or dead letters, resends what a put refused, or follows a reshard. Prints the seconds that the records took.
"""

from __future__ import annotations

import json
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pymongo

from tabular.encoding.row import matrix
from tabular.model.bundle import read_bundle

REGION = "us-east-1"
BATCH_RECORDS = 500


def main() -> None:
    kind, folder, url, mongo, stream, records = sys.argv[1:]
    bundle = read_bundle(Path(folder))
    client = boto3.client("kinesis", endpoint_url=url, region_name=REGION)
    database: Any = pymongo.MongoClient(mongo)["peers"]
    work = in_batches if kind == "batches" else one_by_one
    left, started = int(records), time.perf_counter()
    for shard, page in pages(client, stream):
        work(client, bundle, database, page)
        database["positions"].update_one(
            {"_id": f"{stream}/{shard}"}, {"$set": {"at": page[-1]["SequenceNumber"]}}, upsert=True
        )
        left -= len(page)
        if left <= 0:
            break
    print(time.perf_counter() - started)


def pages(client: Any, stream: str) -> Iterator[tuple[str, list[Any]]]:
    """The pages of one shard after another, without end."""
    shards = [shard["ShardId"] for shard in client.list_shards(StreamName=stream)["Shards"]]
    places = {
        shard: client.get_shard_iterator(StreamName=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON")[
            "ShardIterator"
        ]
        for shard in shards
    }
    while True:
        for shard in shards:
            page = client.get_records(ShardIterator=places[shard], Limit=BATCH_RECORDS)
            places[shard] = page["NextShardIterator"]
            if page["Records"]:
                yield shard, page["Records"]


def score(bundle: Any, page: list[Any]) -> list[dict[str, Any]]:
    """A document for each record: its row and its score."""
    rows = [json.loads(record["Data"]) for record in page]
    scores = bundle.predict(matrix([bundle.codec.parse(row) for row in rows]))
    return [{"_id": uuid.uuid4().hex, "row": row, "score": float(one)} for row, one in zip(rows, scores, strict=True)]


def in_batches(client: Any, bundle: Any, database: Any, page: list[Any]) -> None:
    documents = score(bundle, page)
    database["data"].insert_many(documents)
    entries = [
        {"PartitionKey": record["PartitionKey"], "Data": json.dumps({"id": one["_id"], "score": one["score"]})}
        for record, one in zip(page, documents, strict=True)
    ]
    client.put_records(StreamName="other", Records=entries)


def one_by_one(client: Any, bundle: Any, database: Any, page: list[Any]) -> None:
    for record in page:
        (document,) = score(bundle, [record])
        database["data"].insert_one(document)
        data = json.dumps({"id": document["_id"], "score": document["score"]})
        client.put_record(StreamName="other", Data=data, PartitionKey=record["PartitionKey"])


if __name__ == "__main__":
    main()
