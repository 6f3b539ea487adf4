"""An MLflow server that somebody else controls: what it lists and sends is rejected before a disk or memory is full."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
import xgboost as xgb

from tabular.adapters.mlflow.registry import MlflowRegistry
from tabular.errors import BrokenBundle, NotFound, Rejected, Unavailable
from tabular.model.bundle import Bundle, read_bundle
from tabular.model.bundle_cache import BundleCache
from tabular.model.bundle_files import BUNDLE_LIMITS
from tabular.model.families import model_file

RUN = "f" * 32
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
ENDLESS = 2_000_000_000
"""So many bytes that a client which takes them all would not pass."""


@dataclass
class HostileMlflow:
    """Answers for one run; a test sets what it lists and sends. `asked` has the path of every request."""

    files: dict[str, bytes]
    artifact_uri: str = f"mlflow-artifacts:/0/{RUN}/artifacts"
    champion: str = RUN
    alias: bytes = b""
    listing: Any = None
    listing_pieces: Iterable[bytes] = ()
    pieces: dict[str, Iterable[bytes]] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 200
    asked: list[str] = field(default_factory=list)
    sent_bytes: int = 0

    def __post_init__(self) -> None:
        hostile = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                hostile.asked.append(self.path)
                self.send_response(hostile.status if self.path.startswith(ARTIFACTS) else 200)
                for name, value in hostile.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                try:
                    for piece in hostile.respond(urlsplit(self.path)):
                        self.wfile.write(piece)
                        hostile.sent_bytes += len(piece)
                except OSError:
                    return  # the client has had enough

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def respond(self, target: Any) -> Iterable[bytes]:
        if target.path.endswith("/runs/get"):
            return [json.dumps({"run": {"info": self._info(), "data": {}}}).encode()]
        if target.path.endswith("/registered-models/alias"):
            version = {"name": "m", "version": "1", "run_id": self.champion}
            return [self.alias or json.dumps({"model_version": version}).encode()]
        if "path" in parse_qs(target.query):
            return self.listing_pieces or [json.dumps({"files": self.listing or self.true_listing()}).encode()]
        name = target.path.rpartition("/")[2]
        return self.pieces.get(name) or [self.files[name]]

    def true_listing(self) -> list[dict[str, Any]]:
        return [{"path": name, "is_dir": False, "file_size": len(body)} for name, body in self.files.items()]

    def _info(self) -> dict[str, Any]:
        return {
            "run_id": RUN, "run_uuid": RUN, "experiment_id": "0", "user_id": "", "status": "FINISHED",
            "lifecycle_stage": "active", "artifact_uri": self.artifact_uri, "start_time": 0,
        }  # fmt: skip

    def fetched(self) -> list[str]:
        """The names of the files that were asked for."""
        return [path.rpartition("/")[2] for path in self.asked if path.startswith(f"{ARTIFACTS}/0/")]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def endless(piece: bytes) -> Iterator[bytes]:
    for _ in range(ENDLESS // len(piece)):
        yield piece


@pytest.fixture(scope="module", params=["xgboost", "linear"])
def bundle(request, make_bundle, contract) -> Bundle:
    """A bundle of each family whose model is in a file of its own kind."""
    return make_bundle(contract, family=request.param)


@pytest.fixture
def hostile(bundle) -> Iterator[HostileMlflow]:
    server = HostileMlflow({path.name: path.read_bytes() for path in bundle.folder.iterdir()})
    yield server
    server.close()


@pytest.fixture
def cache(hostile, tmp_path) -> BundleCache:
    return BundleCache(MlflowRegistry(hostile.url, "m"), tmp_path / "state" / "bundles", "m")


def left_behind(tmp_path: Path) -> list[Path]:
    return [path for path in tmp_path.rglob("*") if path.is_file() or path.is_symlink()]


def test_played_by_the_rules_the_bundle_is_fetched(hostile, cache, bundle):
    assert cache.load(cache.champion()).digest == bundle.digest
    assert sorted(hostile.fetched()) == sorted(hostile.files)


@pytest.mark.parametrize(
    "name",
    ["../../x", "..", ".", "", "/etc/passwd", "a/b", "a\\b", "sub/../model.ubj", "model.ubj/../../x", "\x00", "a\nb"],
)
def test_a_name_that_is_no_file_name_is_rejected_before_anything_is_fetched(hostile, cache, tmp_path, name):
    hostile.listing = [*hostile.true_listing(), {"path": name, "is_dir": False, "file_size": 5}]
    with pytest.raises(BrokenBundle, match="not a file's name"):
        cache.load(RUN)
    assert hostile.fetched() == []
    assert left_behind(tmp_path) == []


def test_what_else_is_listed_is_not_fetched(hostile, cache, bundle):
    more = [{"path": "MLmodel", "is_dir": False, "file_size": 9}, {"path": "run.sh", "is_dir": False, "file_size": 9}]
    hostile.listing = [*hostile.true_listing(), *more, {"path": "folder", "is_dir": True}]
    loaded = cache.load(RUN)
    assert loaded.digest == bundle.digest
    assert sorted(hostile.fetched()) == sorted(path.name for path in loaded.folder.iterdir())


@pytest.mark.parametrize("name", BUNDLE_LIMITS.file_bytes)
def test_a_file_that_is_listed_too_large_is_rejected_before_anything_is_fetched(hostile, cache, name):
    hostile.files.setdefault(name, b"")
    size = {"file_size": 10_000_000_000}
    hostile.listing = [file | size if file["path"] == name else file for file in hostile.true_listing()]
    with pytest.raises(BrokenBundle, match=rf"{name} has 10,000,000,000 bytes; at most"):
        cache.load(RUN)
    assert hostile.fetched() == []


def test_files_that_are_too_large_together_are_rejected(hostile, cache):
    hostile.files.setdefault("model.ubj", b"")
    hostile.listing = [file | {"file_size": BUNDLE_LIMITS.file_bytes[file["path"]]} for file in hostile.true_listing()]
    with pytest.raises(BrokenBundle, match="its files have"):
        cache.load(RUN)
    assert hostile.fetched() == []


@pytest.mark.parametrize("headers", [{}, {"Content-Length": "100"}, {"Content-Encoding": "gzip"}])
def test_a_file_that_goes_on_beyond_its_limit_is_not_fetched_to_its_end(hostile, cache, tmp_path, headers):
    hostile.pieces = {"metrics.json": endless(b" " * 100_000)}
    hostile.headers = headers
    with pytest.raises((BrokenBundle, Unavailable)):
        cache.load(RUN)
    assert hostile.sent_bytes < 50_000_000
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize("piece", [b'{"files": [' + b'{"path": "a"},' * 10_000, b" " * 100_000])
def test_a_listing_without_end_is_rejected(hostile, cache, piece):
    hostile.listing_pieces = endless(piece)
    with pytest.raises(BrokenBundle, match="longer than 1,000,000 bytes"):
        cache.load(RUN)
    assert hostile.sent_bytes < 50_000_000


@pytest.mark.parametrize(
    "listing", [b"", b"[]", b"{", b'{"files": [{"path": 3}]}', b"[" * 100_000, b"\xff", b'{"files": {}}']
)
def test_a_listing_that_is_none_is_rejected(hostile, cache, listing):
    hostile.listing_pieces = [listing or b" "]
    with pytest.raises(BrokenBundle, match="cannot be read"):
        cache.load(RUN)


@pytest.mark.parametrize(
    "uri",
    [
        "file:///etc",
        "/etc",
        "http://127.0.0.1:1/x",
        "s3://another/bucket",
        "mlflow-artifacts://127.0.0.1:1/0/x",
        "mlflow-artifacts://user@elsewhere/0/x",
        "dbfs:/x",
        "runs:/x",
    ],
)
def test_files_that_are_elsewhere_are_not_fetched(hostile, cache, uri):
    hostile.artifact_uri = uri
    with pytest.raises(Rejected, match="not on the MLflow server"):
        cache.load(RUN)
    assert not any(path.startswith(ARTIFACTS) for path in hostile.asked)


def test_it_is_not_followed_elsewhere(hostile, cache):
    other = HostileMlflow(hostile.files)
    hostile.status, hostile.headers = 302, {"Location": f"{other.url}{ARTIFACTS}/0/{RUN}/artifacts/bundle"}
    with pytest.raises(Unavailable, match="302"):
        cache.load(RUN)
    assert other.asked == []
    other.close()


@pytest.mark.parametrize("status", [500, 503, 404, 403, 302])
def test_an_error_without_end_is_not_read(hostile, cache, status):
    hostile.status = status
    hostile.listing_pieces = endless(b" " * 100_000)
    began = time.monotonic()
    with pytest.raises((Unavailable, NotFound, Rejected)):
        cache.load(RUN)
    assert hostile.sent_bytes < 50_000_000
    assert time.monotonic() - began < 60


@pytest.mark.parametrize("champion", ["../../etc", "x" * 5_000, "é", "", "a b"])
def test_a_champion_that_is_no_run_is_neither_loaded_nor_remembered(hostile, cache, tmp_path, champion):
    hostile.champion = champion
    with pytest.raises(NotFound, match="not the id of an MLflow run"):
        cache.champion()
    assert left_behind(tmp_path) == []


def test_a_bundle_of_500_full_trees_of_depth_12_is_within_the_limits():
    draw = np.random.default_rng(0)
    rows = xgb.DMatrix(draw.random((30_000, 10), dtype=np.float32), draw.random(30_000))
    params = {"max_depth": 12, "min_child_weight": 0, "lambda": 0, "nthread": 1, "objective": "reg:squarederror"}
    booster = xgb.train(params, rows, num_boost_round=2)
    node_bytes = len(booster.save_raw("ubj")) / len(booster.trees_to_dataframe())
    assert 500 * (2**13 - 1) * node_bytes < BUNDLE_LIMITS.file_bytes["model.ubj"] / 2


# The folder itself: what lies there is checked before it is read.


@pytest.fixture
def folder(bundle, tmp_path) -> Path:
    copy = tmp_path / "bundle"
    copy.mkdir()
    for path in bundle.folder.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    return copy


def test_a_link_in_a_files_place_is_not_followed(folder, bundle):
    name = model_file(bundle.scorer.family)
    (folder / name).unlink()
    (folder / name).symlink_to(bundle.folder / name)
    with pytest.raises(BrokenBundle, match=name):
        read_bundle(folder)


@pytest.mark.timeout(30)
def test_a_pipe_or_a_folder_in_a_files_place_is_rejected(folder):
    (folder / "golden.json").unlink()
    os.mkfifo(folder / "golden.json")
    with pytest.raises(BrokenBundle, match=r"golden\.json is not a plain file"):
        read_bundle(folder)
    (folder / "golden.json").unlink()
    (folder / "golden.json").mkdir()
    with pytest.raises(BrokenBundle, match=r"golden\.json is not a plain file"):
        read_bundle(folder)


def test_a_file_of_ten_gigabytes_is_rejected_unread(folder, bundle):
    name = model_file(bundle.scorer.family)
    os.truncate(folder / name, 10_000_000_000)  # a hole: it takes no room
    with pytest.raises(BrokenBundle, match=f"10,000,000,000 bytes; at most {BUNDLE_LIMITS.file_bytes[name]:,}"):
        read_bundle(folder)


@pytest.mark.parametrize("name", ["../outside", "/etc/hostname", "run.sh"])
def test_a_manifest_that_names_other_files_is_rejected(folder, name):
    (folder.parent / "outside").write_bytes(b"x")
    manifest = json.loads((folder / "manifest.json").read_bytes())
    manifest["files"][name] = "0" * 64
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BrokenBundle, match="does not name the files of a bundle"):
        read_bundle(folder)


GARBAGE = (b" ", b"{}", b"\x00\xff", b"null", b'{"model_version": 7}', b'{"model_version": {"run_id": {}}}', b"<html>")


@pytest.mark.parametrize("garbage", GARBAGE)
def test_garbage_for_the_champion_is_an_error_of_ours_and_the_last_champion_stays(hostile, cache, garbage):
    assert cache.champion() == RUN
    hostile.alias = garbage
    with pytest.raises((Unavailable, NotFound)):
        BundleCache(MlflowRegistry(hostile.url, "m"), cache._folder.parent / "other", "m").champion()
    hostile.alias = b""
    assert cache.champion() == RUN
