"""Bounds the memory of the Kinesis emulator: by age, as Kinesis does, and by size.

A record is dropped after the retention period. Only time during which the emulator runs counts, so that records which
nobody could read, because the stack was stopped or the machine suspended, are not lost. Readers keep their position: an
iterator continues at its record, or at the oldest one that is left.

Ministack drops records after 24 hours, but does not adjust its iterators, which are positions in the list of records: a
reader then skips as many records as were dropped. This module replaces that.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

log = logging.getLogger(__name__)

RECORD_OVERHEAD_BYTES = 450
"""Memory of a record besides its data and its partition key: measured on a 64-bit machine."""

STEPS = 20
"""The number of steps in which the records of one retention period are dropped."""

WARN_SECONDS = 60.0

Handler = Callable[[dict[str, Any]], Any]
Name = tuple[str, str]
"""A stream's ARN and a shard's id."""


@dataclass
class _Shard:
    dropped: int = 0
    counted: int = 0
    size_bytes: int = 0
    marks: deque[tuple[float, int]] = field(default_factory=deque)
    """When the shard had how many records, those that were dropped included; the oldest first."""


class Retention:
    """The bounds of one emulator; `install` applies them. For one thread, that of the event loop."""

    def __init__(
        self,
        kinesis: ModuleType,
        retention_seconds: float,
        max_bytes: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._kinesis = kinesis
        self._retention_seconds = retention_seconds
        self._max_bytes = max_bytes
        self._clock = clock
        self._shards: dict[Name, _Shard] = {}
        self._warned_at = -WARN_SECONDS

    def install(self) -> None:
        """Apply the bounds; raises AttributeError if this is not the version of the emulator they were written for."""
        kinesis = self._kinesis
        for name in ("_expire_records", "_put_record", "_put_records", "_streams", "_shard_iterators"):
            getattr(kinesis, name)
        kinesis._expire_records = lambda _stream: self.trim()  # type: ignore[attr-defined]  # noqa: SLF001
        for name in ("_put_record", "_put_records"):
            setattr(kinesis, name, self._bounded(getattr(kinesis, name)))
        log.info(
            "records are kept for %g s of running time; beyond %d bytes of records, puts are rejected",
            self._retention_seconds,
            self._max_bytes,
        )

    @property
    def size_bytes(self) -> int:
        """The estimated memory of all records that are kept now."""
        return sum(shard.size_bytes for shard in self._shards.values())

    def trim(self) -> None:
        """Drop the records of all streams that are older than the retention period."""
        now, kept = self._clock(), dict(self._kept())
        self._shards = {name: self._counted(name, records) for name, records in kept.items()}
        for name, records in kept.items():
            shard = self._shards[name]
            if not shard.marks or now - shard.marks[-1][0] >= self._retention_seconds / STEPS:
                shard.marks.append((now, shard.dropped + len(records)))
            self._drop(name, shard, records, now)

    def _kept(self) -> Iterator[tuple[Name, list[dict[str, Any]]]]:
        for _, stream in self._kinesis._streams.all_items():  # noqa: SLF001
            for name, shard in stream["shards"].items():
                yield (stream["StreamARN"], name), shard["records"]

    def _counted(self, name: Name, records: list[dict[str, Any]]) -> _Shard:
        shard = self._shards.get(name)
        if shard is None or shard.counted > len(records):  # a stream that was deleted and created again
            shard = _Shard()
        shard.size_bytes += sum(map(_size_bytes, records[shard.counted :]))
        shard.counted = len(records)
        return shard

    def _drop(self, name: Name, shard: _Shard, records: list[dict[str, Any]], now: float) -> None:
        count = 0
        while shard.marks and now - shard.marks[0][0] >= self._retention_seconds:
            count = shard.marks.popleft()[1] - shard.dropped
        if count <= 0:
            return
        shard.size_bytes -= sum(map(_size_bytes, records[:count]))
        del records[:count]
        shard.dropped += count
        shard.counted -= count
        for _, state in self._kinesis._shard_iterators.all_items():  # noqa: SLF001
            if (state.get("stream_arn"), state["shard_id"]) == name:
                state["position"] = max(0, state["position"] - count)

    def _bounded(self, put: Handler) -> Handler:
        def bounded(data: dict[str, Any]) -> Any:
            self.trim()
            if self.size_bytes < self._max_bytes:
                return put(data)
            if self._clock() - self._warned_at >= WARN_SECONDS:
                self._warned_at = self._clock()
                log.warning(
                    "puts are rejected: the records of the last %g s take %d bytes, the limit is %d. Set a shorter "
                    "EMULATOR_RETENTION_SECONDS or a larger EMULATOR_MAX_BYTES",
                    self._retention_seconds,
                    self.size_bytes,
                    self._max_bytes,
                )
            # As Kinesis does beyond its rate: clients wait and retry, and no accepted record is lost.
            return self._kinesis.error_response_json(
                "ProvisionedThroughputExceededException", "The emulator is full: see EMULATOR_MAX_BYTES", 400
            )

        return bounded


def _size_bytes(record: dict[str, Any]) -> int:
    return len(record["Data"]) + len(record["PartitionKey"]) + RECORD_OVERHEAD_BYTES
