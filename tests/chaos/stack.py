"""The parts of the loop as real processes on free ports, killed and started again as the supervisor would."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from benchmarks.harness import model
from benchmarks.harness.processes import children
from benchmarks.harness.stack import free_layout
from embedded.environment import process_environ
from embedded.layout import PROJECT
from embedded.services import apps, backends
from embedded.services.service import Service, free_port, stop, tail
from tabular.contract.loading import load_contract
from tabular.errors import Unavailable
from tabular.ports.registry import BUNDLE, CHAMPION
from tabular.promotion.challenger import challenge
from tabular.promotion.parts import Parts, parts_of
from tabular.settings import Settings, load_settings
from tabular.wiring import Wiring
from tests.chaos.faults.clock import Clock
from tests.chaos.faults.proxy import FaultyProxy

CONTRACT = load_contract(PROJECT / "contracts" / "credit_card_churn.toml")
BUNDLE_ROWS, BUNDLE_ROUNDS, CHALLENGER_ROUNDS = 2_000, 40, 30
OUTBOX_DISK_BYTES = 64 * 1024 * 1024
SHARDS = 2
OURS = ("API", "consumer", "monitor", "shadow")
START_SECONDS = 120.0


class Part:
    """One process of the stack; `lock` is held while it is broken and until it answers again."""

    def __init__(self, service: Service, log: Path) -> None:
        self.service, self.log = service, log
        self.has_workers = service.name == "api"
        self.lock = threading.Lock()
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Start it, without waiting."""
        self._started.append(self.service.start(self.log))

    def wait(self) -> None:
        """Wait until it is up, however often it has to be started for that; raises Unavailable."""
        deadline = time.monotonic() + START_SECONDS
        while not self.is_up:
            if time.monotonic() > deadline:
                raise Unavailable(self.service.name, f"it is not up after {START_SECONDS:g} s:\n{tail(self.log)}")
            self.start_if_ended()
            time.sleep(0.2)

    @property
    def is_up(self) -> bool:
        """True if it answers, and not an orphan of the one before it: gunicorn's workers outlive their master."""
        is_alive = self._started[-1].poll() is None
        return is_alive and (not self.has_workers or bool(self.children())) and self.service.is_ready

    def start_if_ended(self) -> None:
        """What the supervisor does with a process that ended by itself."""
        if self._started[-1].poll() is not None:
            self.start()

    @property
    def pid(self) -> int:
        """The process that runs now."""
        return self._started[-1].pid

    def kill(self) -> None:
        """kill -9 of the process, not of its children, and its next start. Returns when it is ready."""
        with self.lock:
            self._started[-1].kill()
            self._started[-1].wait()
            self.start()
            self.wait()

    def pause(self, seconds: float) -> None:
        """Stop it dead, and let it go on after a time."""
        with self.lock:
            os.killpg(self.pid, signal.SIGSTOP)
            try:
                time.sleep(seconds)
            finally:
                os.killpg(self.pid, signal.SIGCONT)

    def children(self) -> list[int]:
        """The process ids of its children."""
        return children(self.pid)

    def relays(self) -> set[int]:
        """The process ids of what its workers have started: the one that relays the outbox to the store."""
        return {relay for worker in self.children() for relay in children(worker)}

    def end(self) -> None:
        """End it and whatever earlier ones left behind."""
        for process in self._started:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGCONT)
        for process in reversed(self._started):
            stop(process, signal.SIGKILL)


class Stack:
    """API, consumer, store, emulator behind the proxy; with `is_whole` MLflow, from which they serve, monitor, shadow.

    Without MLflow the API and the consumer serve a local copy of a pinned run. The challenger has fewer rounds.
    """

    def __init__(self, folder: Path, seed: int, *, is_whole: bool) -> None:
        self.layout = free_layout(folder / "state")
        ports = self.layout.ports
        self.made = model.make(self.layout.state, BUNDLE_ROWS, BUNDLE_ROUNDS)
        self.challenger = model.make(folder / "challenger", BUNDLE_ROWS, CHALLENGER_ROUNDS)
        self.outbox_disk = self.layout.folder("outbox")
        self.clock = Clock(folder)
        self.is_whole = is_whole
        self._behind_proxy = replace(self.layout, ports=replace(ports, emulator=free_port()))
        self.emulator_port = self._behind_proxy.ports.emulator
        self.parts: dict[str, Part] = {}
        self.proxy = FaultyProxy(ports.emulator, self.emulator_port, seed)
        self.has_small_disk = self._mount()

    @property
    def settings(self) -> Settings:
        """What the services find in their environment."""
        return load_settings(self._environ)

    def start(self) -> None:
        """Start every part and wait for it; API, consumer and monitor last, with a model to serve."""
        makers = {"emulator": backends.emulator(self._behind_proxy), "store": backends.store(self.layout)}
        if self.is_whole:
            makers["MLflow"] = backends.mlflow(self.layout)
        self._start(makers)
        self._environ = self._environment()
        self.make_streams()
        self._publish()
        ours = {"API": apps.api(self.layout), "consumer": apps.consumer(self.layout)}
        if self.is_whole:
            ours["monitor"] = apps.monitor(self.layout, self.settings)
            ours["shadow"] = apps.shadow(self.layout)
        self._start(ours)

    def end(self) -> None:
        """End everything."""
        self.proxy.close()
        for part in reversed(self.parts.values()):
            part.end()
        if self.has_small_disk:
            subprocess.run(["umount", "--lazy", str(self.outbox_disk)], check=False)

    def make_streams(self) -> None:
        """What init_aws does for streams."""
        admin = Wiring(Settings(aws_endpoint_url=f"http://127.0.0.1:{self.emulator_port}")).stream_admin()
        for stream in (*self.streams, self.settings.stream_labels):
            admin.ensure(stream, SHARDS)

    @property
    def streams(self) -> tuple[str, str, str]:
        """The streams of requests, of results and of dead letters."""
        settings = self.settings
        return settings.stream_predictions, settings.stream_results, settings.stream_dead_letters

    def _start(self, services: dict[str, Service]) -> None:
        for name, service in services.items():
            environ = {**self._environ, **self.clock.environ} if name in OURS else service.environ
            self.parts[name] = Part(replace(service, environ=environ), self.layout.logs / f"{name}.log")
            self.parts[name].start()
        for name in services:
            self.parts[name].wait()

    def _environment(self) -> dict[str, str]:
        given = {"RUN_ID": "" if self.is_whole else model.RUN_ID, "MODEL_REFRESH_SECONDS": "2", "API_THREADS": "4"}
        # Nothing is promoted, whatever the labels say: the challenger stays in the shadow.
        shadow = {"PROMOTION": "manual", "SHADOW_POLL_SECONDS": "0.5", "SHADOW_INTERVAL_SECONDS": "1"}
        return process_environ(self.layout, given | shadow)

    def _publish(self) -> None:
        if self.is_whole:
            parts = parts_of(Wiring(self.settings, CONTRACT))
            champion, challenger = (_logged(parts, made) for made in (self.made, self.challenger))
            parts.registry.register(champion, CHAMPION, {})
            challenge(parts, challenger, "chaos", "It is to be followed.")
            parts.ledger.close()

    def _mount(self) -> bool:
        """A disk of its own for the outbox, which can be filled up; needs root."""
        options = ["-t", "tmpfs", "-o", f"size={OUTBOX_DISK_BYTES}", "outbox", str(self.outbox_disk)]
        done = subprocess.run(["mount", *options], capture_output=True, check=False)
        return done.returncode == 0


def _logged(parts: Parts, made: model.Made) -> str:
    run_id = parts.registry.start_run("chaos", {})
    parts.registry.put_folder(run_id, made.bundle.folder, BUNDLE)
    parts.registry.finish(run_id)
    return run_id
