"""Starts and stops groups of processes, and runs the flows against them."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from embedded.console import bar, say, waiting
from embedded.environment import prefect_client_environ, process_environ
from embedded.inherited import inherited
from embedded.layout import PROJECT, Layout, program
from embedded.services.prefect_worker import WORK_POOL
from embedded.services.service import tail
from embedded.services.stack import STACK, STOP_ORDER, left_out, service
from embedded.supervision import orphans
from embedded.supervision.foreground import run_in_foreground
from embedded.supervision.readiness import wait_ready
from embedded.supervision.supervisor import Supervisor
from tabular.errors import TabularError, Unavailable
from tabular.settings import Settings
from tabular.wiring import Wiring

SCHEDULE_CHANGED = "schedule "
"""How the lines of the registration begin that are for the user."""


class StepFailed(TabularError):
    """A command failed, and has already shown its error."""


@dataclass(frozen=True)
class Stack:
    """One stack on this machine: where it lives, its settings, and what the command line gave."""

    layout: Layout
    settings: Settings
    given: Mapping[str, str] = field(repr=False)  # it may hold a key or a login

    @cached_property
    def supervisor(self) -> Supervisor:
        """The supervisor of this stack."""
        return Supervisor(self.layout)

    @cached_property
    def environ(self) -> dict[str, str]:
        """The environment of the commands that are run here, which talk to Prefect."""
        clients = prefect_client_environ(self.layout, self.settings)
        return {**inherited(os.environ), **process_environ(self.layout, self.given), **clients}

    @cached_property
    def tables(self) -> list[str]:
        """The names of the stack's tables, the first's first; raises InvalidContract or InvalidSetting."""
        return [wiring.contract.table.name for wiring in Wiring(self.settings).for_tables()]

    def up(self, names: Iterable[str], say: Callable[[str], None] = say) -> None:
        """Start processes concurrently and wait for each, saying which is ready.

        Raises Unavailable with the end of the log if one fails.
        """
        wanted = [name for name in names if name not in left_out()]
        self.supervisor.ensure_running()
        began = time.monotonic()
        for name in wanted:
            self.supervisor.start(name)
        with bar(len(wanted)) as show:
            for done, name in enumerate(wanted):
                show(done, f"waiting for {name}")
                wait_ready(service(name, self.layout, self.settings), self.supervisor, self.layout.logs / f"{name}.log")
                say(f"{name} is ready ({time.monotonic() - began:.1f} s)")

    def down(self, names: Iterable[str]) -> None:
        """Stop processes in STOP_ORDER: clients, then servers, then backends; does nothing if none runs."""
        if self.supervisor.is_running:
            for together in STOP_ORDER:
                self.supervisor.stop(set(names).intersection(together))

    def end(self) -> bool:
        """Stop every process and the supervisor; True if any ran, raises StepFailed if any is still running."""
        was_running = self.supervisor.is_running
        self.down(STACK)
        self.supervisor.shut_down()
        left = orphans.end_orphans(self.layout.state)
        if remaining := orphans.find_orphans(self.layout.state):
            ids = ", ".join(map(str, remaining))
            raise StepFailed(f"These processes still run after SIGKILL: {ids}. See what blocks them: ps -fp {ids}")
        return was_running or left > 0

    def call(self, module: str, *arguments: str) -> None:
        """Run one of our own modules in the foreground; raises StepFailed if its exit code is not 0."""
        code = run_in_foreground([sys.executable, "-m", module, *arguments], self.environ, PROJECT)
        if code != 0:
            command = shlex.join(["python", "-m", module, *arguments])
            raise StepFailed(f"'{command}' failed with exit code {code}: see above")

    def start_deploying(self) -> subprocess.Popen[bytes]:
        """Register the flows with Prefect in the background: it takes seconds, and only the worker depends on it."""
        prefect = shlex.join(program("prefect"))
        deploy = f"{prefect} --no-prompt deploy --all --prefect-file"
        commands = [
            f"{prefect} work-pool create {WORK_POOL} --type process --overwrite",
            *(f"{deploy} {folder}/prefect.yaml" for folder in ("model_orchestration", "reporting", "server/files")),
            f"{shlex.quote(sys.executable)} -m model_orchestration.deployments.schedules {prefect}",
        ]
        with self.deploy_log.open("wb") as log:
            script = " && ".join(commands)
            return subprocess.Popen(  # noqa: S603 - the script is built above
                ["/bin/sh", "-c", script], env=self.environ, cwd=PROJECT, stdout=log, stderr=subprocess.STDOUT
            )

    def finish_deploying(self, deploying: subprocess.Popen[bytes]) -> None:
        """Wait for the registration, and say which schedules were removed; raises Unavailable if it failed."""
        with waiting("waiting for the flows to be registered with Prefect"):
            code = deploying.wait()
        if code != 0:
            raise Unavailable("Prefect", f"the flows could not be registered:\n{tail(self.deploy_log)}")
        for line in self.deploy_log.read_text(errors="replace").splitlines():
            if line.startswith(SCHEDULE_CHANGED):
                say(line)

    @property
    def deploy_log(self) -> Path:
        """The log of the registration of the flows."""
        self.layout.logs.mkdir(parents=True, exist_ok=True)
        return self.layout.logs / "deploy.log"
