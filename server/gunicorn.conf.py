"""How gunicorn runs the API; the values come from the settings."""  # noqa: N999 - gunicorn looks for this name

import math
import mmap
import os
import shutil
import sys
import time
from pathlib import Path

from gunicorn.arbiter import Arbiter
from uvicorn_worker import UvicornWorker

from tabular.errors import TabularError
from tabular.logs.set_up import log_format
from tabular.process.private_files import keep_private
from tabular.settings import load_settings

keep_private()

try:
    _settings = load_settings()
except TabularError as error:
    sys.exit(f"the API does not start: {error}")

GRACEFUL_SECONDS = 20
# A busy thread gives the interpreter back to the event loop after this. The loop gives it up about ten times a request,
# at its system calls, and may have to wait so long each time: beside batches of 10,000 rows single rows have a p50 of
# 10 ms and a p99 of 83 with it, 33 and 213 with Python's 5 ms (docs/decisions/hotpath.md).
SWITCH_SECONDS = 0.0002


class ApiWorker(UvicornWorker):
    """uvicorn with the bounds of `server.connections.protocol`, imported after the fork: it brings XGBoost along."""

    CONFIG_KWARGS = {  # noqa: RUF012 - as its base class has it
        "loop": "uvloop",
        "http": "server.connections.protocol:BoundedProtocol",
        "ws": "none",
        "lifespan": "on",
        "interface": "asgi3",
        "proxy_headers": False,
        "server_header": False,
        "timeout_graceful_shutdown": GRACEFUL_SECONDS,
    }

    # What the workers share, by server.connections.acceptor.
    shared = memoryview(mmap.mmap(-1, 1_024)).cast("i")

    async def _serve(self):  # noqa: ANN202 - gunicorn's own base class has no types
        from server.connections.acceptor import Share, SharingServer

        self.config.app = self.wsgi
        self._install_sigquit_handler()
        server = SharingServer(self.config, self.wsgi.clients, Share(self.shared, self.age), self.ppid)
        await server.serve(sockets=self.sockets)
        if not server.started:
            sys.exit(Arbiter.WORKER_BOOT_ERROR)

    def run(self):  # noqa: ANN201
        sys.setswitchinterval(SWITCH_SECONDS)
        super().run()


SECONDS_BETWEEN_ATTEMPTS = 5
_metrics_folder = _settings.state_dir / "api-metrics"

bind = f"{_settings.api_host}:{_settings.api_port}"
workers = _settings.api_workers
worker_class = ApiWorker
backlog = 512
keepalive = math.ceil(_settings.api_keep_alive_seconds)  # see server/connections/protocol.py, which says so too

# A worker loads the model itself, after the fork: an XGBoost that was used before a fork hangs in the child.
preload_app = False
# Set before the workers import anything: one thread a prediction, and one folder for the metrics of all workers.
raw_env = ["OMP_NUM_THREADS=1", f"PROMETHEUS_MULTIPROC_DIR={_metrics_folder}"]

timeout = 60
graceful_timeout = GRACEFUL_SECONDS + 5
if Path("/dev/shm").is_dir():  # noqa: S108 - the heartbeat file; on a disk it can block for as long as the disk does
    worker_tmp_dir = "/dev/shm"  # noqa: S108

accesslog = None
errorlog = "-"
loglevel = "info"
logconfig_dict = {  # of gunicorn, of uvicorn and of the application: one form, one stream
    "formatters": {"ours": {"()": "tabular.logs.formats.formatter", "form": log_format(), "service": "api"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "ours", "stream": "ext://sys.stderr"}},
    "loggers": {"gunicorn.error": {"level": "INFO", "handlers": ["console"], "propagate": False}},
}
control_socket_disable = True


def on_starting(server):  # noqa: ANN001, ANN201, ARG001, D103 - gunicorn's hooks are called by name
    shutil.rmtree(_metrics_folder, ignore_errors=True)
    _metrics_folder.mkdir(parents=True, exist_ok=True)


def child_exit(server, worker):  # noqa: ANN001, ANN201, ARG001, D103
    from prometheus_client import multiprocess

    worker.shared[worker.age % len(worker.shared)] = 0  # a worker that was killed could not say so itself
    multiprocess.mark_process_dead(worker.pid, str(_metrics_folder))


def worker_exit(server, worker):  # noqa: ANN001, ANN201, ARG001, D103
    # The first worker that cannot load stops the server, by its exit code. Another must not: two that say so at once
    # make gunicorn fall over its own shutdown, and later on the rest still serve. It is tried again, but not at once.
    if worker.booted or worker.age == 1:
        return
    for _ in range(SECONDS_BETWEEN_ATTEMPTS * 10):
        if not worker.alive:  # stopped meanwhile
            break
        time.sleep(0.1)
    os._exit(1)
