"""The training flow's command line in an environment of its own, and a look at what it left."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass

from embedded.layout import PROJECT
from mlflow import MlflowClient
from tabular.adapters.mlflow.registry import MlflowRegistry
from tabular.adapters.s3 import S3Objects
from tabular.contract.types import Contract
from tabular.data import feature_store


@dataclass
class Trainer:
    """The command line in an environment of its own, and a look at what it left."""

    environ: dict[str, str]
    contract: Contract
    objects: S3Objects
    registry: MlflowRegistry
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
