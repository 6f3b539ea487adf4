"""The stream door: its own cost a record, its speed against the emulator alone, and put-to-result latency.

    python benchmarks/stream.py [--records 20000] [--seconds 10] [--rate 100]

Everything runs on free ports and in a temporary folder: an emulator, a store and a consumer process.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import msgspec
import numpy as np
import xgboost as xgb

from benchmarks.results import Table, save
from embedded import backends
from embedded.layout import PROJECT, Layout, Ports
from embedded.service import Service, free_port
from model_orchestration.candidate import golden_records, profile
from server.predictor import Model
from server.stream_batch import answer, results
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
SHARDS = 2
ANSWERED = 'consumer_records_total{outcome="answered"}'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--rate", type=int, default=100)
    options = parser.parse_args()
    os.environ.update(backends.AWS_ENVIRON)
    with tempfile.TemporaryDirectory() as folder:
        layout = Layout(Path(folder), Ports(**{name: free_port() for name in Ports.__dataclass_fields__}))
        bundle, bodies = make_bundle(layout.folder("bundles") / RUN_ID)
        own = own_cost(bundle, bodies)
        tables = [show("own cost in batches of 500, best of 30", "us a record", own)]
        with stack(layout) as consumer:
            caught = consumer.catch_up(bodies, options.records)
            tables.append(show(f"catching up with {options.records:,} records", "", caught))
            title = f"put-to-result latency at {options.rate} records/s for {options.seconds} s"
            tables.append(show(title, "ms", consumer.latency(bodies, options.rate, options.seconds)))
        save("stream", *tables)


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


@dataclass(frozen=True)
class Running:
    """A consumer process and what is around it."""

    url: str
    metrics_url: str
    pid: int
    client: Any

    def catch_up(self, bodies: list[bytes], records: int) -> dict[str, float]:
        """What a backlog costs the consumer, and what the emulator alone takes for the same reading and writing."""
        keyed = [(f"key-{at}", bodies[at % len(bodies)]) for at in range(records)]
        KinesisStream("idle", self.url, REGION).put(keyed)
        limit_seconds = self._emulator_alone()
        before, cpu = time.perf_counter(), cpu_seconds(self.pid)
        KinesisStream("predictions", self.url, REGION).put(keyed)
        put_seconds = time.perf_counter() - before
        while self.answered() < records:
            time.sleep(0.05)
        seconds, cpu = time.perf_counter() - before, cpu_seconds(self.pid) - cpu
        return {
            "consumer, CPU us a record (boto3 and pymongo in it)": 1e6 * cpu / records,
            "consumer, records/s (store in it)": records / seconds,
            "of which putting the backlog, s": put_seconds,
            "emulator alone, get + put records/s": records / limit_seconds,
            "ratio to the emulator alone": limit_seconds / seconds,
        }

    def answered(self) -> float:
        """How many records the consumer has answered, by its own metrics: asking the store would slow it down."""
        with urllib.request.urlopen(self.metrics_url) as page:
            lines = page.read().decode().splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith(ANSWERED))

    def _emulator_alone(self) -> float:
        started = time.perf_counter()
        for shard in self.client.list_shards(StreamName="idle")["Shards"]:
            place = self.client.get_shard_iterator(
                StreamName="idle", ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            while True:
                page = self.client.get_records(ShardIterator=place, Limit=BATCH_RECORDS)
                if not page["Records"]:
                    break
                same = [{"PartitionKey": row["PartitionKey"], "Data": row["Data"]} for row in page["Records"]]
                self.client.put_records(StreamName="other", Records=same)
                place = page["NextShardIterator"]
        return time.perf_counter() - started

    def latency(self, bodies: list[bytes], rate: int, seconds: int) -> dict[str, float]:
        """From before the put to the result read, one record a put."""
        stream = KinesisStream("predictions", self.url, REGION)
        reader = ShardReader(KinesisShards("results", self.url, REGION), load=lambda _: None)
        while reader.poll(10_000).records:
            pass
        sent: dict[str, float] = {}
        took: list[float] = []
        started = time.perf_counter()
        while len(took) < rate * seconds:
            due = int((time.perf_counter() - started) * rate)
            while len(sent) < min(due, rate * seconds):
                key = f"timed-{len(sent)}"
                sent[key] = time.perf_counter()
                stream.put([(key, bodies[len(sent) % len(bodies)])])
            now_found = [record.partition_key for record in reader.poll(10_000).records]
            took += [time.perf_counter() - sent[key] for key in now_found if key in sent]
        p50, p99 = np.percentile(np.array(took) * 1000, [50, 99])
        return {"p50": float(p50), "p99": float(p99), "max": 1000 * max(took)}


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def stack(layout: Layout) -> Iterator[Running]:
    """The emulator, the store and a consumer."""
    url, mongo = f"http://127.0.0.1:{layout.ports.emulator}", f"mongodb://127.0.0.1:{layout.ports.store}"
    environ = {
        "RUN_ID": RUN_ID,
        "STATE_DIR": str(layout.state),
        "AWS_ENDPOINT_URL": url,
        "MONGO_URI": mongo,
        "CONSUMER_METRICS_PORT": str(layout.ports.consumer_metrics),
    }
    ready = f"http://127.0.0.1:{layout.ports.consumer_metrics}/metrics"
    consumer = Service("consumer", (sys.executable, "-m", "server.consumer"), ready_url=ready, environ=environ)
    emulator, store = backends.emulator(layout), backends.store(layout)
    with emulator.running(layout.logs / "emulator.log"), store.running(layout.logs / "store.log"):
        for name in ("predictions", "results", "dead-letters", "idle", "other"):
            StreamAdmin(url, REGION).ensure(name, SHARDS)
        with consumer.running(layout.logs / "consumer.log") as process:
            client = boto3.client("kinesis", endpoint_url=url, region_name=REGION)
            yield Running(url, ready, process.pid, client)


def show(title: str, unit: str, rows: dict[str, float]) -> Table:
    print(f"\n{title}{f' ({unit})' if unit else ''}")
    for name, value in rows.items():
        print(f"  {name:<52} {value:>12,.2f}")
    return Table(title, [{"figure": name, unit or "value": value} for name, value in rows.items()])


if __name__ == "__main__":
    main()
