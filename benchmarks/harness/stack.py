"""Parts of the stack on free ports, as benchmarks, the chaos run and tests start them."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from embedded.layout import Layout, Ports
from embedded.services import apps
from embedded.services.service import Service, free_port


def free_layout(state: Path) -> Layout:
    """A stack of its own: everything it writes is under `state`, and nobody listens on its ports."""
    return Layout(state, Ports(**{name: free_port() for name in Ports.__dataclass_fields__}))


def api(state: Path, application: str = "", **environ: str) -> Service:
    """The API on a free port, or another application under the same gunicorn file.

    MLflow and the store are unreachable unless `environ` says where they are.
    """
    port, unreachable = free_port(), f"127.0.0.1:{free_port()}"
    service = apps.api(Layout(state, replace(Ports(), api=port)))
    given = {
        "STATE_DIR": str(state),
        "API_PORT": str(port),
        "MLFLOW_TRACKING_URI": f"http://{unreachable}",
        "MONGO_URI": f"mongodb://{unreachable}",
    }
    command = (*service.command[:-1], application or service.command[-1])
    return replace(service, command=command, environ=given | environ)


def consumer(state: Path, **environ: str) -> Service:
    """A consumer that shows its metrics on a free port."""
    port = free_port()
    return Service(
        environ.get("CONSUMER_NAME", "consumer"),
        (sys.executable, "-m", "server.stream.consumer"),
        port=port,
        ready_url=f"http://127.0.0.1:{port}/metrics",
        environ={"STATE_DIR": str(state), **environ, "CONSUMER_METRICS_PORT": str(port)},
    )
