"""The training flow's command line in an environment of its own, and a look at what it left."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import msgspec

from embedded.environment import prefect_client_environ
from embedded.layout import PROJECT, Layout
from embedded.services.backends import QUIET_PREFECT
from mlflow import MlflowClient
from tabular.adapters.mlflow.registry import MlflowRegistry
from tabular.adapters.mongo.ledger import MongoLedger
from tabular.adapters.s3 import S3Objects
from tabular.contract.loading import load_contract
from tabular.contract.types import Contract
from tabular.data import feature_store
from tabular.settings import Settings
from tabular.wiring import Wiring


@dataclass
class Trainer:
    """The command line in an environment of its own, and a look at what it left."""

    environ: dict[str, str]
    contract: Contract
    objects: S3Objects
    registry: MlflowRegistry
    ledger: MongoLedger
    mlflow: MlflowClient

    def run(self, *arguments: str) -> tuple[int, dict[str, str], str]:
        """The exit code, the told lines by their first word (of several, joined), and everything printed."""
        line = [sys.executable, "-m", "model_orchestration.flow", *arguments]
        done = subprocess.run(
            line, env=self.environ, cwd=PROJECT, capture_output=True, text=True, check=False, timeout=200
        )
        told: dict[str, str] = {}
        for word, _, rest in (text.partition(" ") for text in done.stdout.splitlines()):
            told[word] = "\n".join([*filter(None, [told.get(word)]), rest.strip()])
        return done.returncode, told, done.stdout + done.stderr

    def train(self, *arguments: str) -> dict[str, str]:
        """Train and expect that it went well."""
        code, told, printed = self.run("train", *arguments)
        assert code == 0, printed
        return told

    def publish(self, body: bytes) -> str:
        return feature_store.publish(self.objects, self.contract, body, "test").sha256


def parent_of(trainer: Trainer, told: dict[str, str]) -> str:
    return trainer.registry.run(told["RUN_ID"]).parent_id


def make_trainer(name: str, contract: Path, trials: int, state: Path, settings: Settings, layout: Layout) -> Trainer:
    """A trainer with a bucket and a registered model of this name; what the flow keeps is under `state`."""
    settings = msgspec.structs.replace(
        settings, s3_bucket=name, model_name=f"{name}-test", mongo_database=f"training_{name}"
    )
    environ = {
        **os.environ,
        **QUIET_PREFECT,
        "PREFECT_API_URL": f"http://127.0.0.1:{layout.ports.prefect}/api",
        "PREFECT_HOME": str(state / "prefect"),
        **prefect_client_environ(layout, settings),
        "MLFLOW_TRACKING_URI": settings.mlflow_tracking_uri,
        "AWS_ENDPOINT_URL": settings.aws_endpoint_url,
        "S3_BUCKET": settings.s3_bucket,
        "MONGO_URI": settings.mongo_uri,
        "MONGO_DATABASE": settings.mongo_database,
        "FLOW_CACHE_DIR": str(state / "cache"),
        "STATE_DIR": str(state),
        "CONTRACT": str(contract),
        "MODEL_NAME": settings.model_name,
        "TRIALS": str(trials),
    }
    wiring = Wiring(settings)
    objects = wiring.objects()
    objects.ensure_bucket()
    client = MlflowClient(settings.mlflow_tracking_uri)
    return Trainer(environ, load_contract(contract), objects, wiring.registry(), wiring.ledger(), client)
