"""The stream consumer: `python -m server.stream.consumer` responds to the records of streams until it is stopped."""

from __future__ import annotations

import logging
import os
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass

from server.scoring.predictor import Predictor, predictor_of
from server.stream.label_metrics import LabelMetrics
from server.stream.labels import LabelLoop
from server.stream.leases import Leases
from server.stream.loop import Sinks, StreamLoop
from server.stream.metrics import StreamMetrics, serve_metrics
from server.stream.shard_reader import ShardReader
from tabular.labels.intake import LabelIntake
from tabular.labels.reading import LabelReader
from tabular.logs.set_up import set_up_process
from tabular.ports.predictions import PredictionWriter
from tabular.process.stopping import run_until_stopped
from tabular.settings import Settings
from tabular.wiring import Wiring, wire

log = logging.getLogger(__name__)

REST_SECONDS = 2.0


def main() -> int:
    """Wire the consumer from the environment and run it; 0 after SIGTERM or SIGINT, 1 if it can never work."""
    set_up_process("consumer")
    return run_until_stopped("consumer", lambda stop: run(wire(), stop))


def run(wiring: Wiring, stop: threading.Event) -> None:
    """Respond to the records of every table until stopped, each in a thread of its own.

    Raises Rejected for settings or a bundle that can never work: then the other tables stop, too.
    """
    settings, wirings = wiring.settings, wiring.for_tables()
    tables = [Table.of(one) for one in wirings]
    _until_one_has_a_model(tables, stop)
    if stop.is_set():
        return
    where = (settings.consumer_metrics_host, settings.consumer_metrics_port)
    metrics = {table.predictor.table: table.metrics for table in tables}
    stop_serving = serve_metrics(metrics, *where, settings.allowed_hosts)
    try:
        _run_all(tables, stop)
    finally:
        stop_serving()


@dataclass(frozen=True)
class Table:
    """One table of the consumer: two streams, leases and a model of its own."""

    wiring: Wiring
    predictor: Predictor
    metrics: StreamMetrics
    label_metrics: LabelMetrics

    @classmethod
    def of(cls, wiring: Wiring) -> Table:
        """The table of a wiring, without a model yet; its metrics are there from the start."""
        metrics = StreamMetrics()
        return cls(wiring, predictor_of(wiring), metrics, LabelMetrics(metrics.registry))

    def run(self, stop: threading.Event) -> None:
        """Respond to the records of its stream until stopped; as long as there is no model they wait there."""
        wiring, settings = self.wiring, self.wiring.settings
        follower = self.predictor.follower(settings.model_refresh_seconds, lambda _: self._show())
        self.metrics.tasks.append(follower)
        self._show()
        follower.start(stop)
        while self.predictor.why_none:
            if stop.wait(REST_SECONDS):
                return
        store, lease_store = wiring.predictions(), wiring.leases()
        stream = wiring.stream_name(settings.stream_predictions)
        leases = Leases(lease_store, stream, consumer_name(settings), settings.lease_seconds)
        self.metrics.tasks.append(leases.heartbeat_task)
        try:
            with leases.running():
                self._loop(store, leases).run(settings.consumer_poll_seconds, stop)
        finally:
            store.close()
            lease_store.close()

    def run_labels(self, stop: threading.Event) -> None:
        """Attach the labels of its labels stream until stopped; that takes no model."""
        wiring, settings = self.wiring, self.wiring.settings
        stream = wiring.stream_name(settings.stream_labels)
        with closing(wiring.labels()) as store, closing(wiring.ledger()) as ledger, closing(wiring.leases()) as lent:
            leases = Leases(lent, stream, consumer_name(settings), settings.lease_seconds, task="label leases")
            self.metrics.tasks.append(leases.heartbeat_task)
            loop = LabelLoop(
                ShardReader(wiring.shards(stream), load=leases.saved, acquire=leases.acquire),
                leases,
                LabelReader(wiring.contract, "stream"),
                LabelIntake(store, ledger),
                wiring.stream(wiring.stream_name(settings.stream_dead_letters)),
                self.label_metrics,
                settings.consumer_batch_records,
            )
            with leases.running():
                loop.run(settings.consumer_poll_seconds, stop)

    def _show(self) -> None:
        if not self.predictor.why_none:
            self.metrics.model(self.predictor.table, self.predictor.model.run_id)

    def _loop(self, store: PredictionWriter, leases: Leases) -> StreamLoop:
        wiring, settings = self.wiring, self.wiring.settings
        results, letters = map(wiring.stream_name, (settings.stream_results, settings.stream_dead_letters))
        sinks = Sinks(store, wiring.stream(results), wiring.stream(letters))
        reader = ShardReader(
            wiring.shards(wiring.stream_name(settings.stream_predictions)), load=leases.saved, acquire=leases.acquire
        )
        batch_records = settings.consumer_batch_records
        return StreamLoop(reader, leases, lambda: self.predictor.model, sinks, self.metrics, batch_records)


def consumer_name(settings: Settings) -> str:
    """The name in the leases: the one that was given, or the host's with the process id."""
    return settings.consumer_name or f"{socket.gethostname()}-{os.getpid()}"


def _until_one_has_a_model(tables: Sequence[Table], stop: threading.Event) -> None:
    """Wait until the registry or a local copy gives a model; raises Rejected for a pinned run that never can be."""
    while not stop.is_set():
        if None in [table.predictor.attempt() for table in tables]:
            return
        log.warning("no table has a model: trying again in %g s", REST_SECONDS)
        stop.wait(REST_SECONDS)


def _run_all(tables: Sequence[Table], stop: threading.Event) -> None:
    """Run every table's two streams until stopped; what ends one of them stops the others, and is raised."""

    def run(stream: Callable[[threading.Event], None]) -> None:
        try:
            stream(stop)
        finally:  # one that has failed: the process is started again as a whole
            stop.set()

    streams = [stream for table in tables for stream in (table.run, table.run_labels)]
    with ThreadPoolExecutor(len(streams), thread_name_prefix="stream") as pool:
        running = [pool.submit(run, stream) for stream in streams]
    for one in running:
        one.result()


if __name__ == "__main__":
    sys.exit(main())
