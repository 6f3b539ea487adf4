"""Who is measured: how each is started, where it is asked, in which form, and where in its response the score is."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.harness.model import RUN_ID
from benchmarks.peers.environments import CONTENDERS as FOLDER
from benchmarks.peers.environments import program
from embedded.layout import PROJECT, Layout
from embedded.services import apps

WORKERS = 2
Response = Callable[[Any], float]


@dataclass(frozen=True)
class Around:
    """What a contender finds when it starts: the folder of `model.py`, a scratch folder, free ports, the store."""

    model: Path
    scratch: Path
    port: int
    spare_ports: tuple[int, int]
    store_uri: str
    monitor_url: str


@dataclass(frozen=True)
class Contender:
    """One server. `score` is None for a limit, which predicts nothing; `peer` names its environment, if it has one."""

    name: str
    command: Callable[[Around], list[str]]
    path: str = "/predict"
    form: str = "record"
    score: Response | None = lambda response: response["score"]
    scores: str = "scores"
    peer: str = ""
    keeps_predictions: bool = False
    environ: Mapping[str, str] = field(default_factory=dict)

    def environment(self, around: Around) -> dict[str, str]:
        """The variables it is started with."""
        return {
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": str(FOLDER / "common"),
            "BENCH_MODEL": str(around.model),
            "BENCH_STORE": around.store_uri,
            "BENCH_MONITOR": around.monitor_url,
            **{key: value.format(around=around) for key, value in self.environ.items()},
        }


def gunicorn(application: str = "") -> Callable[[Around], list[str]]:
    """The API as the stack starts it, or another application under the very same gunicorn settings."""
    command = list(apps.api(Layout()).command)
    return lambda _: [*command[:-1], application or command[-1]]


OURS = {
    "STATE_DIR": "{around.scratch}",
    "RUN_ID": RUN_ID,
    "MONGO_URI": "{around.store_uri}",
    "API_PORT": "{around.port}",
    "API_WORKERS": str(WORKERS),
}

LIMITS = "benchmarks.harness.limits:app"

CONTENDERS = (
    Contender(
        "ours",
        gunicorn(),
        score=lambda response: response["churn chance"],
        keeps_predictions=True,
        environ=OURS,
    ),
    Contender("limit: constant response", gunicorn(LIMITS), "/constant", score=None, environ=OURS),
    Contender("limit: constant Flask view", gunicorn(LIMITS), "/view", score=None, environ=OURS),
    Contender("limit: JSON echo", gunicorn(LIMITS), "/echo", score=None, environ=OURS),
    Contender(
        "FastAPI + uvicorn",
        lambda around: [
            *program("fastapi", "uvicorn", "app:app", "--app-dir", str(FOLDER / "fastapi")),
            *("--port", str(around.port), "--workers", str(WORKERS), "--no-access-log", "--log-level", "warning"),
        ],
        peer="fastapi",
    ),
    Contender(
        "BentoML",
        lambda around: [
            *program("bentoml", "bentoml", "serve", "service:Churn", "--working-dir", str(FOLDER / "bentoml")),
            *("--host", "127.0.0.1", "--port", str(around.port)),
        ],
        form="wrapped",
        peer="bentoml",
        environ={"BENTOML_DO_NOT_TRACK": "True", "BENTOML_HOME": "{around.scratch}"},
    ),
    *(
        Contender(
            f"MLServer, {'in process' if workers == 0 else f'{workers} workers'}",
            lambda _: [*program("mlserver", "mlserver", "start", str(FOLDER / "mlserver"))],
            "/v2/models/churn/infer",
            form="v2",
            score=lambda response: response["outputs"][0]["data"][0],
            peer="mlserver",
            environ={
                "MLSERVER_HOST": "127.0.0.1",
                "MLSERVER_HTTP_PORT": "{around.port}",
                "MLSERVER_GRPC_PORT": "{around.spare_ports[0]}",
                "MLSERVER_METRICS_PORT": "{around.spare_ports[1]}",
                "MLSERVER_PARALLEL_WORKERS": str(workers),
                "MLSERVER_METRICS_DIR": "{around.scratch}",
                "MLSERVER_DEBUG": "false",
                "MLSERVER_MODEL_URI": "{around.model}/model.ubj",
            },
        )
        for workers in (0, WORKERS)
    ),
    Contender(
        "Ray Serve",
        lambda around: [
            *program("rayserve", "python", str(FOLDER / "rayserve" / "app.py")),
            *(str(around.port), str(around.scratch)),
        ],
        peer="rayserve",
        environ={"RAY_USAGE_STATS_ENABLED": "0"},
    ),
    Contender(
        "mlflow models serve",
        lambda around: [
            *program("mlflow", "mlflow", "models", "serve", "--model-uri", str(around.model / "mlflow")),
            *("--env-manager", "local", "--host", "127.0.0.1", "--port", str(around.port), "--workers", str(WORKERS)),
        ],
        "/invocations",
        form="mlflow",
        score=lambda response: response["predictions"][0],
        peer="mlflow",
        environ={"MLFLOW_DISABLE_TELEMETRY": "true", "PATH": f"{PROJECT}/.bench/peers/mlflow/bin:{os.environ['PATH']}"},
    ),
    Contender(
        "naive design",
        lambda around: [
            *program("naive", "gunicorn", "--chdir", str(FOLDER / "naive"), "--workers", "3", "--no-control-socket"),
            *("--bind", f"127.0.0.1:{around.port}", "app:app"),
        ],
        scores="vectorized",
        peer="naive",
        keeps_predictions=True,
    ),
)
