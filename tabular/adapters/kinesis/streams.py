"""Kinesis streams through boto3: create, put, and the calls that `tabular.adapters.kinesis.shards` reads with."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

import boto3.session
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.loaders import Loader

from tabular.errors import NotFound, Rejected, TabularError, Unavailable
from tabular.ports.streams import Keyed

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient
    from mypy_boto3_kinesis.type_defs import PutRecordsRequestEntryTypeDef

log = logging.getLogger(__name__)

MAX_PUT_RECORD_BYTES = 1_048_576
MAX_PUT_RECORDS = 500
MAX_PUT_BYTES = 5_000_000
MAX_KEY_CHARACTERS = 256
PUT_ATTEMPTS = 8
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 2.0
ACTIVE_SECONDS = 60.0
ACTIVE_POLL_SECONDS = 0.2

_CONFIG = Config(
    connect_timeout=2,
    read_timeout=10,
    retries={"mode": "standard", "total_max_attempts": 3},
    tcp_keepalive=True,
)

# What Kinesis says, and what it means to us. A code that is not here may go away by itself: Unavailable.
_REJECTED = {
    "ResourceNotFoundException": NotFound,
    "ValidationException": Rejected,
    "InvalidArgumentException": Rejected,
    "SerializationException": Rejected,
}
_MENDED_BY_HAND = {"AccessDeniedException", "UnrecognizedClientException", "ExpiredTokenException", "OptInRequired"}


def kinesis_client(endpoint_url: str, region: str) -> KinesisClient:
    """A Kinesis client with short timeouts and bounded retries; an empty endpoint is AWS itself."""
    session = botocore.session.get_session()
    session.register_component("data_loader", _descriptions())
    return boto3.session.Session(botocore_session=session).client(
        "kinesis", endpoint_url=endpoint_url or None, region_name=region, config=_CONFIG
    )


@cache
def _descriptions() -> Loader:
    """What boto3 knows of AWS' services, read once a process: a client that reads it for itself takes 8 MB more."""
    return Loader()


def error_code(error: BaseException | None) -> str:
    """Kinesis' own code of an error; empty if it has none."""
    return str(error.response["Error"].get("Code", "")) if isinstance(error, ClientError) else ""


def translated(stream: str, error: ClientError | BotoCoreError) -> TabularError:
    """Our error for boto3's."""
    service = f"stream {stream}"
    if isinstance(error, BotoCoreError):
        return Unavailable(service, f"{error}. Check the endpoint and the network")
    code, message = error_code(error), error.response["Error"].get("Message", "")
    if code in _REJECTED:
        return _REJECTED[code](f"{service}: {message or code}. Check its name, and that init_aws has created it")
    return Unavailable(service, f"{code}: {message}", retry_after_seconds=30.0 if code in _MENDED_BY_HAND else 1.0)


@contextmanager
def translating(stream: str) -> Iterator[None]:
    """Raise boto3's errors as ours."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise translated(stream, error) from error


class StreamAdmin:
    """Creates streams."""

    def __init__(self, endpoint_url: str, region: str) -> None:
        self._client = kinesis_client(endpoint_url, region)

    def ensure(self, name: str, shards: int) -> bool:
        """Create the stream if it is not there, and wait until it takes records; True if it was created.

        Raises Unavailable, also when the stream is not active after a minute.
        """
        created = False
        with translating(name):
            try:
                self._client.create_stream(StreamName=name, ShardCount=shards)
                created = True
            except self._client.exceptions.ResourceInUseException:
                log.debug("stream %s is already there", name)
        deadline = time.monotonic() + ACTIVE_SECONDS
        while (status := self._status(name)) not in {"ACTIVE", "UPDATING"}:
            if time.monotonic() > deadline:
                raise Unavailable(f"stream {name}", f"it is still {status} after {ACTIVE_SECONDS:g} s")
            time.sleep(ACTIVE_POLL_SECONDS)
        return created

    def _status(self, name: str) -> str:
        with translating(name):
            return self._client.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamStatus"]


class KinesisStream:
    """One stream to put records on; what it does not take is sent up to `attempts` times, within about 7 seconds."""

    def __init__(self, stream: str, endpoint_url: str, region: str, attempts: int = PUT_ATTEMPTS) -> None:
        self.stream = stream
        self._attempts = attempts
        self._client = kinesis_client(endpoint_url, region)

    def put(self, records: Sequence[Keyed]) -> None:
        """Put (partition key, data) pairs, in calls of at most 500 records and 5 MB, and what failed of them again.

        Raises Rejected, before anything is sent, for a record that can never be put, and Unavailable when the stream
        does not take the rest: some of the records may be on the stream by then, so putting again may repeat them.
        """
        for position, record in enumerate(records):
            _check(self.stream, position, record)
        for chunk in _chunks(records):
            self._put_chunk(chunk)

    def _put_chunk(self, chunk: Sequence[Keyed]) -> None:
        pending, pause_seconds = [_entry(record) for record in chunk], FIRST_PAUSE_SECONDS
        for attempt in range(1, self._attempts + 1):
            pending, why = self._put_once(pending)
            if not pending:
                return
            log.warning("stream %s did not take %d of %d records: %s", self.stream, len(pending), len(chunk), why)
            if attempt < self._attempts:
                time.sleep(pause_seconds * random.uniform(0.5, 1.0))  # noqa: S311 - spreads retries, keeps no secret
                pause_seconds = min(2 * pause_seconds, LONGEST_PAUSE_SECONDS)
        raise Unavailable(
            f"stream {self.stream}",
            f"after {self._attempts} tries it has not taken {len(pending)} of {len(chunk)} records ({why})",
            retry_after_seconds=LONGEST_PAUSE_SECONDS,
        )

    def _put_once(
        self, pending: list[PutRecordsRequestEntryTypeDef]
    ) -> tuple[list[PutRecordsRequestEntryTypeDef], str]:
        """Send once; returns what was not taken, and why."""
        try:
            answer = self._client.put_records(StreamName=self.stream, Records=pending)
        except self._client.exceptions.ProvisionedThroughputExceededException as error:
            return pending, str(error)
        except (ClientError, BotoCoreError) as error:
            raise translated(self.stream, error) from error
        if len(answer.get("Records", ())) != len(pending):  # an emulator that was killed had answered 200 and nothing
            return pending, "the endpoint did not say what became of each record"
        if not answer.get("FailedRecordCount"):
            return [], ""
        failed = [(entry, got) for entry, got in zip(pending, answer["Records"], strict=True) if got.get("ErrorCode")]
        reasons = {f"{got['ErrorCode']}: {got.get('ErrorMessage', '')}" for _, got in failed}
        return [entry for entry, _ in failed], "; ".join(sorted(reasons))


def _check(stream: str, position: int, record: Keyed) -> None:
    key, _ = record
    if not 1 <= len(key) <= MAX_KEY_CHARACTERS:
        raise Rejected(
            f"record {position} cannot be put on stream {stream}: its partition key {key[:20]!r} has {len(key)} "
            f"characters; 1 to {MAX_KEY_CHARACTERS} are allowed"
        )
    if _size_bytes(record) > MAX_PUT_RECORD_BYTES:
        raise Rejected(
            f"record {position} (partition key {key[:20]!r}) cannot be put on stream {stream}: it has "
            f"{_size_bytes(record):,} bytes with its key; {MAX_PUT_RECORD_BYTES:,} are allowed"
        )


def _chunks(records: Sequence[Keyed]) -> Iterator[Sequence[Keyed]]:
    start, size_bytes = 0, 0
    for position, record in enumerate(records):
        is_full = position - start == MAX_PUT_RECORDS or size_bytes + _size_bytes(record) > MAX_PUT_BYTES
        if is_full:
            yield records[start:position]
            start, size_bytes = position, 0
        size_bytes += _size_bytes(record)
    if start < len(records):
        yield records[start:]


def _entry(record: Keyed) -> PutRecordsRequestEntryTypeDef:
    return {"PartitionKey": record[0], "Data": record[1]}


def _size_bytes(record: Keyed) -> int:
    return len(record[0].encode()) + len(record[1])
