"""Objects in an S3 bucket: AWS itself, or an emulator behind an endpoint URL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from boto3.exceptions import Boto3Error, S3UploadFailedError
from boto3.session import Session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, IncompleteReadError
from botocore.exceptions import ConnectionError as NoConnection

from tabular.errors import NotFound, Rejected, TabularError, Unavailable
from tabular.ports.objects import StoredObject

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.literals import BucketLocationConstraintType

CONNECT_SECONDS = 3
READ_SECONDS = 20
ATTEMPTS = 2
HOME_REGION = "us-east-1"  # the one region that S3 does not want to be told

_UNREACHABLE = (NoConnection, HTTPClientError, IncompleteReadError)  # refused, reset, timed out, no such host
_ABSENT = {"404", "NoSuchKey", "NoSuchBucket", "NotFound"}
_BUSY = {"SlowDown", "Throttling", "RequestTimeout", "RequestTimeTooSkewed", "OperationAborted"}


class S3Objects:
    """The port `Objects` over one bucket; an empty endpoint URL means AWS."""

    def __init__(self, bucket: str, endpoint_url: str = "", region: str = HOME_REGION) -> None:
        self._bucket = bucket
        self._endpoint_url = endpoint_url
        self._region = region
        self._client: S3Client = Session().client(
            "s3",
            endpoint_url=endpoint_url or None,
            region_name=region,
            config=Config(
                connect_timeout=CONNECT_SECONDS,
                read_timeout=READ_SECONDS,
                retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
                # An emulator has no host name of its own for every bucket.
                s3={"addressing_style": "path" if endpoint_url else "auto"},
            ),
        )

    def __reduce__(self) -> tuple[type[S3Objects], tuple[str, str, str]]:
        return S3Objects, (self._bucket, self._endpoint_url, self._region)

    def put(self, key: str, body: bytes) -> None:
        """Store the bytes under the key, replacing what stood there."""
        with self._translated(key):
            self._client.put_object(Bucket=self._bucket, Key=key, Body=body)

    def get(self, key: str) -> bytes:
        """The bytes under the key."""
        with self._translated(key):
            return self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()

    def delete(self, key: str) -> None:
        """Remove what is stored under the key; that nothing is there is no fault."""
        with self._translated(key):
            self._client.delete_object(Bucket=self._bucket, Key=key)

    def exists(self, key: str) -> bool:
        """True if something is stored under the key."""
        try:
            with self._translated(key):
                self._client.head_object(Bucket=self._bucket, Key=key)
        except NotFound:
            return False
        return True

    def keys(self, prefix: str) -> list[str]:
        """Every key that starts with the prefix, sorted."""
        return [found.key for found in self.listed(prefix)]

    def url(self, key: str) -> str:
        """The address of the object, for people and their tools."""
        return f"s3://{self._bucket}/{key}"

    def listed(self, prefix: str) -> list[StoredObject]:
        """Every object whose key starts with the prefix, sorted by key."""
        with self._translated(prefix):
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
            items = [item for page in pages for item in page.get("Contents", ())]
        return sorted(StoredObject(item["Key"], item["Size"], item["ETag"].strip('"')) for item in items)

    def download(self, key: str, path: Path) -> None:
        """Write the bytes under the key to a file, without holding them in memory; raises OSError too."""
        with self._translated(key):
            self._client.download_file(self._bucket, key, str(path))

    def upload(self, path: Path, key: str) -> None:
        """Store the bytes of a file under the key, without holding them in memory; raises OSError too."""
        with self._translated(key):
            try:
                self._client.upload_file(str(path), self._bucket, key)
            except S3UploadFailedError as error:  # it hides what went wrong, and only says it
                raise (error.__context__ if isinstance(error.__context__, ClientError) else error) from None

    def ensure_bucket(self) -> None:
        """Create the bucket if it is not there."""
        try:
            with self._translated(""):
                self._client.head_bucket(Bucket=self._bucket)
        except NotFound:
            with self._translated(""):
                self._create_bucket()

    def _create_bucket(self) -> None:
        try:
            if self._region == HOME_REGION:
                self._client.create_bucket(Bucket=self._bucket)
            else:
                where: BucketLocationConstraintType = self._region  # type: ignore[assignment]  # any region's name
                self._client.create_bucket(Bucket=self._bucket, CreateBucketConfiguration={"LocationConstraint": where})
        except self._client.exceptions.BucketAlreadyOwnedByYou:
            return  # another process of ours was first

    @contextmanager
    def _translated(self, key: str) -> Iterator[None]:
        try:
            yield
        except (ClientError, BotoCoreError, Boto3Error) as error:
            raise _translate(error, f"s3://{self._bucket}/{key}") from error


def _translate(error: ClientError | BotoCoreError | Boto3Error, what: str) -> TabularError:
    if isinstance(error, (*_UNREACHABLE, Boto3Error)):  # the last: a transfer that gave up
        return Unavailable("S3", str(error))
    if not isinstance(error, ClientError):
        return Rejected(f"S3 cannot be asked for {what}: {error}. Check the bucket's name, the region, the credentials")
    code = error.response["Error"].get("Code", "")
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    if code == "NoSuchBucket":
        return NotFound(f"the bucket of {what} does not exist: `make init_aws` creates it")
    if code in _ABSENT:
        return NotFound(f"{what} does not exist")
    if code in _BUSY or status >= 500:
        return Unavailable("S3", str(error))
    return Rejected(f"S3 refuses {what}: {error}. Check the bucket's name, the credentials and their rights")
