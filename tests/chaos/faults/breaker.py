"""Breaks one thing, waits until it is whole again, and notes from when to when."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tabular.adapters.kinesis.streams import kinesis_client
from tests.chaos.faults.schedule import Fault
from tests.chaos.load import Load
from tests.chaos.stack import Stack

OFFSETS_SECONDS = (-86_400, -3_600, 3_600, 30 * 86_400)
BURST_RECORDS, BURST_SECONDS = 400, 0.6
CHUNK = b"\0" * 65_536


@dataclass(frozen=True)
class Window:
    """When a fault was there, on the monotonic clock, until what it broke responded again; `failure` if it did not."""

    kind: str
    began: float
    ended: float
    failure: str = ""


class Breaker:
    """Knows how to break each kind; `windows` collects what was done."""

    def __init__(self, stack: Stack, load: Load, malformed_at_once: int) -> None:
        self._stack, self._load, self._malformed = stack, load, malformed_at_once
        self._workers = stack.settings.api_workers
        self.windows: list[Window] = []
        self.left_out: dict[str, str] = {}
        parts = stack.parts
        self._ways: dict[str, Callable[[Fault], None]] = {
            "kill an API worker": self._kill_worker,
            "kill the relay": self._kill_relay,
            "kill the API's master": lambda _: parts["API"].kill(),
            "kill the consumer": self._kill_consumer,
            "kill the store": lambda _: parts["store"].kill(),
            "pause the store": lambda fault: parts["store"].pause(fault.length_seconds),
            "malformed bodies": lambda fault: load.malformed_bodies(Random(fault.seed), malformed_at_once),
            "malformed records": lambda fault: load.malformed_records(Random(fault.seed), malformed_at_once),
            "reshard": self._reshard,
            "kill the emulator": self._kill_emulator,
        }
        for kind in ("throttled", "partial puts", "expired iterators", "responses lost on the way"):
            self._ways[kind] = self._through_the_proxy
        self._add_optional()

    def _add_optional(self) -> None:
        stack, parts = self._stack, self._stack.parts
        if stack.clock.exists:
            self._ways["clock jump"] = self._jump
        else:
            self.left_out["clock jump"] = "there is no C compiler"
        if stack.has_small_disk:
            self._ways["disk full under the outbox"] = self._fill_disk
        else:
            self.left_out["disk full under the outbox"] = "a disk of its own for the outbox needs root"
        if stack.is_whole:
            self._ways["kill MLflow"] = lambda _: parts["MLflow"].kill()
            self._ways["kill the monitor"] = lambda _: parts["monitor"].kill()
            self._ways["kill the shadow"] = lambda _: parts["shadow"].kill()

    def under_load(self, faults: tuple[Fault, ...], seconds: float) -> None:
        """Every fault at its time, each in a thread of its own; returns when all are over."""
        began = time.monotonic()
        threads = []
        for fault in faults:
            time.sleep(max(began + fault.at_seconds - time.monotonic(), 0.0))
            threads.append(threading.Thread(target=self.one, args=(fault,)))
            threads[-1].start()
        time.sleep(max(began + seconds - time.monotonic(), 0.0))
        for thread in threads:
            thread.join()

    def one(self, fault: Fault) -> None:
        """One fault, now."""
        if fault.kind not in self._ways:
            return
        began, failure = time.monotonic(), ""
        try:
            self._ways[fault.kind](fault)
        except Exception as error:  # noqa: BLE001 - the run goes on and tells of it
            failure = f"{type(error).__name__}: {error}"
        self.windows.append(Window(fault.kind, began, time.monotonic(), failure))

    def _kill_worker(self, fault: Fault) -> None:
        api = self._stack.parts["API"]
        with api.lock:  # not while the master is down
            _wait_until(lambda: bool(api.children()))
            victim = Random(fault.seed).choice(sorted(api.children()))
            with suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
            _wait_until(lambda: len(set(api.children()) - {victim}) >= self._workers and api.is_up)

    def _kill_relay(self, _: Fault) -> None:
        api = self._stack.parts["API"]
        with api.lock:
            _wait_until(lambda: bool(api.relays()))
            victims = api.relays()
            for victim in victims:
                with suppress(ProcessLookupError):
                    os.kill(victim, signal.SIGKILL)
            _wait_until(lambda: bool(api.relays() - victims))

    def _kill_consumer(self, fault: Fault) -> None:
        """In the middle of a large batch, or just before or after."""
        self._load.burst(BURST_RECORDS)
        time.sleep(Random(fault.seed).uniform(0.0, BURST_SECONDS))
        self._stack.parts["consumer"].kill()

    def _through_the_proxy(self, fault: Fault) -> None:
        faults = self._stack.proxy.faults
        faults[fault.kind] += 1
        try:
            time.sleep(fault.length_seconds)
        finally:
            faults[fault.kind] -= 1

    def _jump(self, fault: Fault) -> None:
        self._stack.clock.set_off(Random(fault.seed).choice(OFFSETS_SECONDS))
        time.sleep(fault.length_seconds)
        self._stack.clock.set_off(0)

    def _fill_disk(self, fault: Fault) -> None:
        with _full(self._stack.outbox_disk):
            time.sleep(fault.length_seconds)

    def _kill_emulator(self, _: Fault) -> None:
        self._stack.parts["emulator"].kill()
        self._stack.make_streams()

    def _reshard(self, fault: Fault) -> None:
        """Split the first open shard or merge the first two, as the draw goes."""
        stream = self._stack.streams[0]
        client = kinesis_client(f"http://127.0.0.1:{self._stack.emulator_port}", "us-east-1")
        shards = client.list_shards(StreamName=stream)["Shards"]
        still_open = [shard for shard in shards if "EndingSequenceNumber" not in shard["SequenceNumberRange"]]
        still_open.sort(key=lambda shard: int(shard["HashKeyRange"]["StartingHashKey"]))
        first, second = still_open[:2]
        if len(still_open) > 2 or Random(fault.seed).random() < 0.3:
            client.merge_shards(
                StreamName=stream, ShardToMerge=first["ShardId"], AdjacentShardToMerge=second["ShardId"]
            )
        else:
            low, high = (int(first["HashKeyRange"][end]) for end in ("StartingHashKey", "EndingHashKey"))
            middle = str((low + high) // 2)
            client.split_shard(StreamName=stream, ShardToSplit=first["ShardId"], NewStartingHashKey=middle)
        _wait_until(
            lambda: (
                client.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["StreamStatus"]
                == "ACTIVE"
            )
        )


@contextmanager
def _full(disk: Path):
    """The disk without a free byte, filled up again and again as somebody frees some."""
    filler, over = disk / "filler", threading.Event()

    def fill() -> None:
        while not over.is_set():
            with suppress(OSError), filler.open("ab", buffering=0) as file:
                while not over.is_set():
                    file.write(CHUNK if shutil.disk_usage(disk).free >= len(CHUNK) else CHUNK[:4_096])
            over.wait(0.05)

    thread = threading.Thread(target=fill)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        filler.unlink(missing_ok=True)


def _wait_until(condition: Callable[[], bool], seconds: float = 120.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise TimeoutError("it did not come back")
        time.sleep(0.1)
