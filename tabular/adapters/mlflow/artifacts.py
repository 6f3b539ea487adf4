"""The files of a run, fetched from MLflow: the wanted ones alone, and never more of them than was allowed.

MLflow's own download takes whatever a server lists and sends. A server can be tampered with, or be another one: here
the listing is bounded and checked first, the sizes in it before anything is fetched, and every byte is counted. All
files come from the MLflow server itself (`--serve-artifacts`), so that its login is sent to no other.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from tabular.errors import BrokenBundle, NotFound, Rejected, Unavailable
from tabular.model.bundle_files import FileLimits

SCHEME = "mlflow-artifacts"
ENDPOINT = "/mlflow-artifacts/artifacts"
MAX_LISTING_BYTES = 1_000_000
CHUNK_BYTES = 1_000_000
FETCH_SECONDS = 600.0


class _Listed(msgspec.Struct):
    path: str
    is_dir: bool = False
    file_size: int = 0


class _Listing(msgspec.Struct):
    files: list[_Listed] = []


def checked_uri(uri: str, tracking_uri: str) -> str:
    """The URI of a run's files, if the MLflow server itself hands them out; raises Rejected otherwise."""
    parts = urlsplit(uri)
    if parts.scheme != SCHEME or parts.netloc not in ("", urlsplit(tracking_uri).netloc):
        raise Rejected(
            f"MLflow says that the run's files are at {uri[:200]!r}, which is not on the MLflow server itself: nothing "
            "is fetched from elsewhere. Start MLflow with --serve-artifacts, or find out who changed it"
        )
    return uri


def fetch(url: str, limits: FileLimits, folder: Path) -> None:
    """Fetch the files below an artifact URL that `limits` names and the server lists, into an empty folder.

    Raises BrokenBundle for what is listed wrongly or is too large, NotFound, Rejected and Unavailable.
    """
    deadline = time.monotonic() + FETCH_SECONDS
    sizes = _wanted(url, limits, deadline)
    limits.check(sizes, url)
    left = limits.total_bytes
    for name in sizes:
        most = min(left, limits.file_bytes[name])
        with (folder / name).open("xb") as file:
            for chunk in _bytes(f"{url}/{name}", {}, most, deadline):
                left -= file.write(chunk)


def _wanted(url: str, limits: FileLimits, deadline: float) -> dict[str, int]:
    """The size of each wanted file in bytes, as listed."""
    service, _, path = url.partition(ENDPOINT)
    body = b"".join(_bytes(f"{service}{ENDPOINT}", {"path": path.strip("/")}, MAX_LISTING_BYTES, deadline))
    try:
        files = msgspec.json.decode(body, type=_Listing).files
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BrokenBundle(f"MLflow's list of the files at {url} cannot be read: {error}") from error
    for file in files:
        if file.path in ("", ".", "..") or "/" in file.path or "\\" in file.path or not file.path.isprintable():
            raise BrokenBundle(
                f"MLflow lists {file.path[:100]!r} among the files at {url}, which is not a file's name: nothing was "
                "fetched. Find out who can write to MLflow"
            )
    return {file.path: max(file.file_size, 0) for file in files if file.path in limits.file_bytes and not file.is_dir}


def _bytes(url: str, params: dict[str, str], most: int, deadline: float) -> Iterator[bytes]:
    """The body of a response in pieces; raises BrokenBundle as soon as it is longer than `most` bytes."""
    from urllib3.exceptions import HTTPError

    size = 0
    with closing(_response(url, params)) as response:
        try:
            # As it comes and uncompressed: a piece is what has arrived, and a small response cannot become a large one.
            while chunk := response.raw.read1(CHUNK_BYTES, decode_content=False):
                size += len(chunk)
                if size > most:
                    raise BrokenBundle(f"{url} is longer than {most:,} bytes: the rest was not fetched")
                if time.monotonic() > deadline:
                    raise Unavailable("MLflow", f"it had not sent {url} after {FETCH_SECONDS:g} s")
                yield chunk
        except HTTPError as error:
            raise Unavailable("MLflow", f"{url} broke off: {error}") from error


def _response(url: str, params: dict[str, str]) -> Any:
    from mlflow.utils.credentials import get_default_host_creds
    from mlflow.utils.rest_utils import http_request

    response = http_request(
        get_default_host_creds(url),
        "",
        "GET",
        params=params,
        stream=True,
        extra_headers={"Accept-Encoding": "identity"},
        allow_redirects=False,
        retry_codes=frozenset(),  # the body of a response that is tried again would be read whole
    )
    if response.status_code == 200:
        return response
    response.close()
    if response.status_code == 404:
        raise NotFound(f"there is nothing at {url}")
    if response.status_code in (401, 403):
        raise Rejected(
            f"MLflow rejected {url} with {response.status_code}: check MLFLOW_TRACKING_USERNAME and its rights"
        )
    raise Unavailable("MLflow", f"it responded {response.status_code} for {url}")
