"""The API under attack, of this version or of an earlier commit in a work tree of its own."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.attacks.attack import Target
from embedded.layout import PROJECT
from embedded.services.service import Service, free_port

DESCRIBE = """
import json, pathlib, sys
import server
from benchmarks import model
from embedded.services import apps
from embedded.layout import Layout, Ports
from tabular.contract.loading import load_contract

state, port = pathlib.Path(sys.argv[1]), int(sys.argv[2])
if not (state / "bundles").exists():
    model.make(state)
service = apps.api(Layout(state=state, ports=Ports(api=port)))
example = load_contract(model.CONTRACT).example
print(json.dumps([list(service.command), service.ready_url, model.RUN_ID, example, server.__file__]))
"""


class NoHistory(Exception):
    """The commit is not in this checkout, or this is none."""


@dataclass(frozen=True)
class Version:
    """Code to start the API from, and a folder for its model and its state."""

    project: Path
    state: Path

    @contextlib.contextmanager
    def running(self, environ: Mapping[str, str]) -> Iterator[Target]:
        """The API with one worker for the length of a `with` block; nothing else of the stack is up."""
        port, nowhere = free_port(), free_port()
        command, ready_url, run_id, example = self._described(port)
        service = Service(
            name="api",
            command=("env", f"--chdir={self.project}", *command),
            port=port,
            ready_url=ready_url,
            environ={
                **self._environ,
                "STATE_DIR": str(self.state),
                "API_PORT": str(port),
                "API_WORKERS": "1",
                "RUN_ID": run_id,
                "MLFLOW_TRACKING_URI": f"http://127.0.0.1:{nowhere}",
                "MONGO_URI": f"mongodb://127.0.0.1:{nowhere}",
                **environ,
            },
        )
        log = self.state / f"api-{port}.log"
        with service.running(log) as process:
            yield Target(port, worker_of(process.pid), log, example)

    @property
    def _environ(self) -> dict[str, str]:
        # Before the site packages, by which the project's own modules could be found instead.
        return {"PYTHONPATH": str(self.project), "PYTHONDONTWRITEBYTECODE": "1"}

    def _described(self, port: int) -> tuple[list[str], str, str, bytes]:
        """How this version says that its API is started; raises RuntimeError if it is not this version that says so."""
        done = subprocess.run(
            [sys.executable, "-c", DESCRIBE, str(self.state), str(port)],
            env={**os.environ, **self._environ},
            cwd=self.project,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"the API of {self.project} cannot be described:\n{done.stderr}")
        command, ready_url, run_id, example, package = json.loads(done.stdout.splitlines()[-1])
        if not Path(package).is_relative_to(self.project):
            raise RuntimeError(f"{package} was imported instead of the package in {self.project}")
        return command, ready_url, run_id, json.dumps(example).encode()


def worker_of(master: int) -> int:
    """The process id of the only worker."""
    (worker,) = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    return int(worker)


@contextlib.contextmanager
def version(commit: str | None) -> Iterator[Version]:
    """The code of this folder, or of a commit, for the length of a `with` block. Raises NoHistory."""
    with contextlib.ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="attacks-", ignore_cleanup_errors=True)))
        project = PROJECT if commit is None else stack.enter_context(_worktree(commit, scratch / "project"))
        yield Version(project, scratch / "state")


@contextlib.contextmanager
def _worktree(commit: str, folder: Path) -> Iterator[Path]:
    try:
        _git("worktree", "add", "--detach", str(folder), commit)
    except (OSError, subprocess.CalledProcessError) as error:
        raise NoHistory(getattr(error, "stderr", None) or str(error)) from error
    try:
        yield folder
    finally:
        _git("worktree", "remove", "--force", str(folder))


def _git(*arguments: str) -> None:
    subprocess.run(["git", "-C", str(PROJECT), *arguments], check=True, capture_output=True, text=True)
