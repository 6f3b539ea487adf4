"""What an adapter says and logs when its server rejects it or is not there never holds the password it was given."""

from __future__ import annotations

import logging
import threading
import traceback
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from embedded.services.service import free_port
from tabular.adapters.kinesis.streams import KinesisStream
from tabular.adapters.mlflow.registry import MlflowRegistry
from tabular.adapters.mongo.leases import MongoLeases
from tabular.adapters.mongo.predictions import MongoPredictions
from tabular.adapters.s3 import S3Objects
from tabular.errors import InvalidSetting, TabularError
from tests.adapters.numbered_records import REGION

SECRET = "s3cret-pass"


@pytest.fixture
def rejecting() -> Iterator[int]:
    """The port of a real server that knows nobody."""

    class Handler(BaseHTTPRequestHandler):
        def reject(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_error(401)

        def __getattr__(self, name: str):
            if name.startswith("do_"):
                return self.reject
            raise AttributeError(name)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.fixture
def everything_said(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]):
    """Runs a call that fails, and gives all that it raised, logged and printed."""
    caplog.set_level(logging.DEBUG)

    def run(call) -> str:
        with pytest.raises(TabularError) as caught:
            call()
        printed = capfd.readouterr()
        raised = "".join(traceback.format_exception(caught.value))
        # The lines of source that a traceback quotes are this file's own.
        return "\n".join([str(caught.value), repr(caught.value), raised, caplog.text, printed.out, printed.err])

    return run


@pytest.mark.parametrize(
    "address",
    ["{}@127.0.0.1:{}", "{}/x@127.0.0.1:{}", "{}@@127.0.0.1:{}", "{}:x@127.0.0.1:{}", "{}%zz@127.0.0.1:{}", "{}"],
)
def test_the_stores_password(everything_said, address):
    uri = "mongodb://user:" + address.format(SECRET, free_port())
    assert SECRET not in everything_said(lambda: MongoPredictions(uri, "d").count_by_source())
    assert SECRET not in everything_said(lambda: MongoLeases(uri, "d", "t").leases("s"))


def test_an_address_of_the_store_that_is_none_is_a_setting_to_mend():
    with pytest.raises(InvalidSetting, match="MONGO_URI cannot be used"):
        MongoPredictions(f"mongodb://user:{SECRET}/x@127.0.0.1", "d")


@pytest.mark.parametrize("is_there", [True, False])
def test_mlflows_password(everything_said, monkeypatch, rejecting, tmp_path, is_there):
    where = f"127.0.0.1:{rejecting if is_there else free_port()}"
    for uri in (f"http://user:{SECRET}@{where}", f"http://{where}"):
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "user")
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", SECRET)
        registry = MlflowRegistry(uri, "m")
        assert SECRET not in everything_said(registry.champion)
        assert SECRET not in everything_said(lambda registry=registry: registry.fetch_bundle("a" * 32, tmp_path))
        assert SECRET not in registry.url("a" * 32, "0")


@pytest.mark.parametrize("is_there", [True, False])
def test_the_key_of_aws(everything_said, monkeypatch, rejecting, is_there):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    endpoint = f"http://127.0.0.1:{rejecting if is_there else free_port()}"
    assert SECRET not in everything_said(lambda: KinesisStream("s", endpoint, REGION, attempts=1).put([("k", b"x")]))
    assert SECRET not in everything_said(lambda: S3Objects("bucket", endpoint, REGION).get("key"))
