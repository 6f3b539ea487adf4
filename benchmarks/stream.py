"""The stream door: its own cost a record, where the rest of the time goes, its growth, and put-to-result latency.

    python benchmarks/stream.py [--records 5000] [--rounds 3] [--seconds 10]

Everything runs on free ports and in a temporary folder: an emulator, a store and consumer processes. A backlog is put
while the consumers are stopped; the clock runs from when they go on to the last record's checkpoint. "The emulator
alone" is the same reading and writing in one process that does nothing else.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import msgspec
import numpy as np
import xgboost as xgb

from embedded import backends
from embedded.environment import process_environ
from embedded.layout import PROJECT, Layout, Ports
from embedded.service import Service, free_port
from model_orchestration.candidate import golden_records, profile
from server.leases import Leases
from server.predictor import Model
from server.stream_batch import answer, results
from server.stream_loop import Sinks, StreamLoop
from server.stream_metrics import StreamMetrics
from tabular.adapters.leases import MongoLeases
from tabular.adapters.predictions import MongoPredictions
from tabular.adapters.shards import KinesisShards
from tabular.adapters.stream import KinesisStream, StreamAdmin
from tabular.bundle import REFERENCE_SCORE, REFERENCE_TARGET, Bundle, write_bundle
from tabular.contract import load_contract
from tabular.ports import StreamRecord
from tabular.shard_reader import ShardReader
from tabular.synthetic import make_table
from tabular.table import clean, encode, public_records, read_csv

BATCH_RECORDS = 500
RUN_ID = "b" * 32
REGION = "us-east-1"
ANSWERED = 'consumer_records_total{outcome="answered"}'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=10)
    options = parser.parse_args()
    os.environ.update(backends.AWS_ENVIRON)
    with tempfile.TemporaryDirectory() as folder:
        layout = Layout(Path(folder), Ports(**{name: free_port() for name in Ports.__dataclass_fields__}))
        bundle, bodies = make_bundle(layout.folder("bundles") / RUN_ID)
        show("own cost in batches of 500, best of 30 (us a record)", own_cost(bundle, bodies))
        emulator, store = backends.emulator(layout), backends.store(layout)
        with emulator.running(layout.logs / "emulator.log"), store.running(layout.logs / "store.log"):
            bench = Bench(layout, bundle, bodies, options.records)
            show("where a record's time goes, in one process (us a record)", bench.shares())
            show(f"a backlog of {options.records:,} records on 2 shards (records/s)", bench.against(options.rounds))
            show("growth: a backlog, by shards and consumers (records/s)", bench.growth(options.rounds))
            for rate in (10, 100, 1_000):
                show(f"put-to-result latency at {rate:,} records/s (ms)", bench.latency(rate, options.seconds))


def make_bundle(folder: Path) -> tuple[Bundle, list[bytes]]:
    """A model of depth 6 and 150 rounds, and 2,000 request bodies."""
    contract = load_contract(PROJECT / "contracts" / "credit_card_churn.toml")
    table = clean(contract, read_csv(make_table(contract, 8_000, seed=1)))
    features = encode(contract, table.features)
    params = {"objective": "binary:logistic", "max_depth": 6, "nthread": 1, "seed": 1}
    booster = xgb.train(params, xgb.DMatrix(features, table.target.to_numpy()), num_boost_round=150)
    reference = table.features.assign(**{REFERENCE_TARGET: table.target, REFERENCE_SCORE: 0.5})
    golden = golden_records(contract, table)
    bundle = write_bundle(folder, contract, booster, reference, profile(contract, table), golden, {"auc": 0.8})
    return bundle, [msgspec.json.encode(row) for row in public_records(contract, table.features[:2_000])]


def own_cost(bundle: Bundle, bodies: list[bytes]) -> dict[str, float]:
    """Microseconds a record of the parts that are ours."""
    model, now = Model(RUN_ID, bundle), datetime.now(UTC)
    batch = [
        StreamRecord("s@1", "shardId-000000000000", f"{at:056d}", f"key-{at}", body, now)
        for at, body in enumerate(bodies[:BATCH_RECORDS])
    ]
    rows = [bundle.codec.decode(record.data) for record in batch]
    answers = answer(model, batch)
    parts: dict[str, Callable[[], object]] = {
        "decode and check": lambda: [bundle.codec.decode(record.data) for record in batch],
        "score and describe": lambda: model.predict(rows, [record.sequence_number for record in batch], "stream"),
        "both, with ids": lambda: answer(model, batch),
        "encode results": lambda: results(answers),
    }
    return {name: 1e6 * best(work) / BATCH_RECORDS for name, work in parts.items()}


def best(work: Callable[[], object], rounds: int = 30) -> float:
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)


class Timed:
    """Passes a port's calls on and adds up how long they took, and how much of that was this thread's own work."""

    def __init__(self, port: Any, timed: set[str]) -> None:
        self._port, self._timed = port, timed
        self.wall_seconds = self.cpu_seconds = 0.0

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._port, name)
        return self._clocked(call) if name in self._timed else call

    def _clocked(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def clocked(*arguments: Any) -> Any:
            wall, cpu = time.perf_counter(), time.thread_time()
            try:
                return call(*arguments)
            finally:
                self.wall_seconds += time.perf_counter() - wall
                self.cpu_seconds += time.thread_time() - cpu

        return clocked


@dataclass
class Consumers:
    """Running consumers of one stream, by process and page of metrics."""

    processes: list[subprocess.Popen[bytes]]
    urls: list[str]

    def answered(self) -> float:
        """How many records they have answered, by their own metrics: asking the store would slow it down."""
        return sum(metric(url, ANSWERED) for url in self.urls)

    def wait_for(self, records: float) -> None:
        while self.answered() < records:
            time.sleep(0.05)

    def signal(self, number: signal.Signals) -> None:
        for process in self.processes:
            process.send_signal(number)

    def cpu_seconds(self) -> float:
        return sum(cpu_seconds(process.pid) for process in self.processes)


class Bench:
    """The measurements around one emulator and one store."""

    def __init__(self, layout: Layout, bundle: Bundle, bodies: list[bytes], records: int) -> None:
        self._layout, self._bundle = layout, bundle
        self._bodies, self._records = bodies, records
        self._url = f"http://127.0.0.1:{layout.ports.emulator}"
        self._mongo = process_environ(layout, {})["MONGO_URI"]  # as embedded mode has it
        self._client = boto3.client("kinesis", endpoint_url=self._url, region_name=REGION)
        self._made = 0
        for name in ("results", "dead-letters", "other"):
            StreamAdmin(self._url, REGION).ensure(name, 2)

    def shares(self) -> dict[str, float]:
        """The consumer's loop in this process: what is its own, what its libraries', and what it waits for."""
        stream = self._stream(2)
        self._put(stream)
        shards = Timed(KinesisShards(stream, self._url, REGION), {"read"})
        store = Timed(MongoPredictions(self._mongo, "shares"), {"save"})
        out = Timed(KinesisStream("results", self._url, REGION), {"put"})
        lease_store = MongoLeases(self._mongo, "shares")
        leases = Leases(lease_store, stream, "bench", 3_600.0)
        keeper, metrics = Timed(leases, {"save"}), StreamMetrics()
        reader = ShardReader(shards, load=leases.saved, claim=leases.claim)
        model = Model(RUN_ID, self._bundle)
        loop = StreamLoop(reader, keeper, lambda: model, Sinks(store, out, out), metrics, BATCH_RECORDS)
        reader.poll(0)  # take the leases

        def answered() -> float:
            return metrics.registry.get_sample_value("consumer_records_total", {"outcome": "answered"}) or 0

        class Stop(threading.Event):
            def is_set(self) -> bool:
                return answered() >= records

        records, wall, cpu = self._records, time.perf_counter(), time.thread_time()
        loop.run(0.0, Stop())
        wall, cpu = time.perf_counter() - wall, time.thread_time() - cpu
        ports = {"get_records": shards, "insert_many": store, "put_records": out, "checkpoint": keeper}
        own = cpu - sum(port.cpu_seconds for port in ports.values())
        found = {"own: decode, score, ids, results, the loop": own}
        for name, port in ports.items():
            found[f"{name}: CPU here (vendor's library)"] = port.cpu_seconds
            found[f"{name}: waiting"] = port.wall_seconds - port.cpu_seconds
        found["all"] = wall
        lease_store.close()
        return {name: 1e6 * seconds / records for name, seconds in found.items()}

    def against(self, rounds: int) -> dict[str, float]:
        """Rounds in turn: the emulator alone, the consumer, a plain boto3 loop, one by one; medians and ratios."""
        found: dict[str, list[float]] = {name: [] for name in ("emulator", "consumer", "boto3", "one by one", "cpu")}
        stream = self._stream(2)
        one_by_one = min(self._records, 300)  # slow
        with self._consumers(stream, 1) as consumers:
            for _ in range(rounds):
                seconds, cpu = self._catch_up(consumers, stream)
                found["consumer"].append(self._records / seconds)
                found["cpu"].append(1e6 * cpu / self._records)
                other = self._stream(2)
                self._put(other)
                found["emulator"].append(self._records / self._emulator_alone(other))
                found["boto3"].append(self._records / self._peer("batches", other, self._records))
                found["one by one"].append(one_by_one / self._peer("one-by-one", other, one_by_one))
        rates = {name: statistics.median(values) for name, values in found.items()}
        return {
            "emulator alone, get and put": rates["emulator"],
            "consumer (store, dead letters, leases, checkpoints in it)": rates["consumer"],
            "plain boto3 loop (store in it)": rates["boto3"],
            "one record at a time (store in it)": rates["one by one"],
            "ratio: consumer / emulator alone": median_ratio(found["consumer"], found["emulator"]),
            "ratio: consumer / plain boto3 loop": median_ratio(found["consumer"], found["boto3"]),
            "ratio: consumer / one at a time": median_ratio(found["consumer"], found["one by one"]),
            "consumer's CPU, us a record": rates["cpu"],
        }

    def growth(self, rounds: int) -> dict[str, float]:
        found = {}
        for shards in (1, 2, 4, 8):
            for count in (1, 2):
                stream = self._stream(shards)
                with self._consumers(stream, count) as consumers:
                    times = [self._catch_up(consumers, stream)[0] for _ in range(rounds)]
                found[f"{shards} shards, {count} consumers"] = self._records / statistics.median(times)
        return found

    def latency(self, rate: int, seconds: int) -> dict[str, float]:
        """From the moment a record is due to its result read; what is due at once is put in one call."""
        stream = self._stream(2)
        reader = ShardReader(KinesisShards("results", self._url, REGION), load=lambda _: None)
        while reader.poll(10_000).records:
            pass
        took: list[float] = []
        with self._consumers(stream, 1):
            started = time.perf_counter()
            sender = threading.Thread(target=self._send, args=(stream, started, rate, seconds))
            sender.start()
            while len(took) < rate * seconds:
                now_found = [int(record.partition_key) for record in reader.poll(10_000).records]
                took += [time.perf_counter() - started - at / rate for at in now_found]
                time.sleep(0.01)
            sender.join()
        p50, p99 = np.percentile(np.array(took) * 1000, [50, 99])
        return {"p50": float(p50), "p99": float(p99), "max": 1000 * max(took)}

    def _send(self, stream: str, started: float, rate: int, seconds: int) -> None:
        target, sent = KinesisStream(stream, self._url, REGION), 0
        while sent < rate * seconds:
            due = min(int((time.perf_counter() - started) * rate) + 1, rate * seconds)
            target.put([(str(at), self._bodies[at % len(self._bodies)]) for at in range(sent, due)])
            sent = due
            time.sleep(max(0.0, min(sent / rate - (time.perf_counter() - started), 0.1)))

    def _stream(self, shards: int) -> str:
        self._made += 1
        name = f"stream-{self._made}"
        StreamAdmin(self._url, REGION).ensure(name, shards)
        return name

    def _put(self, stream: str) -> None:
        keyed = [(f"key-{at}", self._bodies[at % len(self._bodies)]) for at in range(self._records)]
        KinesisStream(stream, self._url, REGION).put(keyed)

    def _catch_up(self, consumers: Consumers, stream: str) -> tuple[float, float]:
        """Seconds, and the consumers' CPU seconds, for a backlog."""
        before = consumers.answered()
        consumers.signal(signal.SIGSTOP)
        self._put(stream)
        started, cpu = time.perf_counter(), consumers.cpu_seconds()
        consumers.signal(signal.SIGCONT)
        consumers.wait_for(before + self._records)
        return time.perf_counter() - started, consumers.cpu_seconds() - cpu

    def _peer(self, kind: str, stream: str, records: int) -> float:
        script = PROJECT / "benchmarks" / "peers" / "stream_loops.py"
        command = [sys.executable, script, kind, self._bundle.folder, self._url, self._mongo, stream, str(records)]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True)
        return float(done.stdout)

    def _emulator_alone(self, stream: str) -> float:
        started = time.perf_counter()
        for shard in self._client.list_shards(StreamName=stream)["Shards"]:
            place = self._client.get_shard_iterator(
                StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            while True:
                page = self._client.get_records(ShardIterator=place, Limit=BATCH_RECORDS)
                if not page["Records"]:
                    break
                same = [{"PartitionKey": row["PartitionKey"], "Data": row["Data"]} for row in page["Records"]]
                self._client.put_records(StreamName="other", Records=same)
                place = page["NextShardIterator"]
        return time.perf_counter() - started

    @contextmanager
    def _consumers(self, stream: str, count: int) -> Iterator[Consumers]:
        """Consumers that have shared the stream's shards out among them."""
        with ExitStack() as stack:
            found = Consumers([], [])
            for number in range(count):
                port = free_port()
                url = f"http://127.0.0.1:{port}/metrics"
                environ = {
                    "RUN_ID": RUN_ID,
                    "STATE_DIR": str(self._layout.state),
                    "AWS_ENDPOINT_URL": self._url,
                    "MONGO_URI": self._mongo,
                    "STREAM_PREDICTIONS": stream,
                    "CONSUMER_NAME": f"c{number}",
                    "CONSUMER_METRICS_PORT": str(port),
                    "LEASE_SECONDS": "3600",  # they are stopped while a backlog is put
                }
                service = Service("consumer", (sys.executable, "-m", "server.consumer"), ready_url=url, environ=environ)
                found.processes.append(stack.enter_context(service.running(self._layout.logs / "consumer.log")))
                found.urls.append(url)
            wanted = min(count, len(self._client.list_shards(StreamName=stream)["Shards"]))
            while sum(metric(url, "consumer_leases_held") > 0 for url in found.urls) < wanted:
                time.sleep(0.05)
            yield found


def metric(url: str, name: str) -> float:
    with urllib.request.urlopen(url) as page:
        lines = page.read().decode().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(name))


def median_ratio(ours: list[float], theirs: list[float]) -> float:
    """The median of the ratios of each round."""
    return statistics.median(one / other for one, other in zip(ours, theirs, strict=True))


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def show(title: str, rows: dict[str, float]) -> None:
    print(f"\n{title}")
    for name, value in rows.items():
        print(f"  {name:<60} {value:>12,.2f}", flush=True)


if __name__ == "__main__":
    main()
