"""The calls that read a Kinesis stream, one shard at a time; `server.stream.shard_reader` decides what to read when."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from typing import TYPE_CHECKING

from tabular.adapters.kinesis.streams import MAX_KEY_CHARACTERS, error_code, kinesis_client, translating
from tabular.errors import Rejected, TabularError, Unavailable
from tabular.ports.streams import Gone, Listing, Page, Shard, StaleIterator, StreamRecord

if TYPE_CHECKING:
    from mypy_boto3_kinesis.type_defs import RecordTypeDef, ShardTypeDef


class KinesisShards:
    """One stream to read from; implements `shards.Shards`."""

    def __init__(self, stream: str, endpoint_url: str, region: str) -> None:
        self.stream = stream
        self._identity = stream
        self._client = kinesis_client(endpoint_url, region)

    def listing(self) -> Listing:
        """The stream as it is now; raises Unavailable, also while the stream does not exist."""
        with self._translating():
            summary = self._client.describe_stream_summary(StreamName=self.stream)["StreamDescriptionSummary"]
            pages = self._client.get_paginator("list_shards").paginate(StreamName=self.stream)
            shards = tuple(_shard(shard) for page in pages for shard in page["Shards"])
        # Two streams of one name, one after the other, may number their records alike (moto does).
        self._identity = f"{self.stream}@{summary['StreamCreationTimestamp'].timestamp():.3f}"
        return Listing(self._identity, shards)

    def iterator(self, shard: str, after: str | None) -> str:
        """An iterator behind that sequence number, or at the oldest record; raises StaleIterator, Gone, Unavailable."""
        with self._translating():
            if after is None:
                response = self._client.get_shard_iterator(
                    StreamName=self.stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
                )
            else:
                response = self._client.get_shard_iterator(
                    StreamName=self.stream,
                    ShardId=shard,
                    ShardIteratorType="AFTER_SEQUENCE_NUMBER",
                    StartingSequenceNumber=after,
                )
            return response["ShardIterator"]

    def end(self, shard: str) -> str:
        """An iterator behind all that is in the shard now; raises Gone, Unavailable."""
        with self._translating():
            return self._client.get_shard_iterator(StreamName=self.stream, ShardId=shard, ShardIteratorType="LATEST")[
                "ShardIterator"
            ]

    def read(self, shard: str, iterator: str, limit: int) -> Page:
        """At most `limit` records from there on; raises StaleIterator, Gone, Unavailable."""
        with self._translating():
            response = self._client.get_records(ShardIterator=iterator, Limit=limit)
            return Page(
                records=tuple(self._record(shard, record) for record in response["Records"]),
                next_iterator=response.get("NextShardIterator"),
                lag_milliseconds=response.get("MillisBehindLatest", 0),
            )

    def _record(self, shard: str, record: RecordTypeDef) -> StreamRecord:
        return StreamRecord(
            stream=self._identity,
            shard=shard,
            sequence_number=record["SequenceNumber"],
            # The emulators take longer ones, under which no result could ever be put.
            partition_key=record["PartitionKey"][:MAX_KEY_CHARACTERS],
            data=record["Data"],
            arrived_at=record["ApproximateArrivalTimestamp"].astimezone(UTC),
        )

    @contextmanager
    def _translating(self) -> Iterator[None]:
        try:
            with translating(self.stream):
                yield
        except KeyError as error:  # an emulator that was killed had responded 200 and nothing
            raise Unavailable(f"stream {self.stream}", f"the endpoint left {error} out of its response") from error
        except TabularError as error:
            code = error_code(error.__cause__)
            if code == "ResourceNotFoundException":
                raise Gone(f"stream {self.stream}", str(error)) from error
            # Expired, or a sequence number or an iterator that the stream does not know.
            if code == "ExpiredIteratorException" or isinstance(error, Rejected):
                raise StaleIterator(str(error)) from error
            raise


def _shard(shard: ShardTypeDef) -> Shard:
    parents = (shard.get("ParentShardId"), shard.get("AdjacentParentShardId"))
    is_closed = "EndingSequenceNumber" in shard["SequenceNumberRange"]
    return Shard(shard["ShardId"], tuple(parent for parent in parents if parent), is_closed=is_closed)
