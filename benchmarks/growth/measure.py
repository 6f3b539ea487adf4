"""One figure of the growth: `python -m benchmarks.growth.measure <what> <CSV> <port of the emulator> <rounds>`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow.csv as pacsv
from msgspec.structs import replace

from benchmarks.scoring.ours import report
from embedded.layout import PROJECT
from model_orchestration.data.checks import check
from model_orchestration.data.split import split
from model_orchestration.search.candidate import search_data
from model_orchestration.search.families.fit import Fit
from model_orchestration.search.sweep import sweep, threads
from model_orchestration.search.trial import objective
from tabular.contract.loading import load_contract
from tabular.data import feature_store
from tabular.data.prepared import prepare
from tabular.settings import Settings
from tabular.wiring import Wiring

CONTRACT = PROJECT / "contracts" / "credit_card_churn_full.toml"
ARROW, PUBLISH, LOAD, TRAIN = "arrow", "publish", "load", "train"
TRIALS, SEED = 3, 42


def main() -> None:
    """Do one thing and print what it took; what reads a version takes the one published last."""
    what, file, port, rounds = sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    settings = Settings(aws_endpoint_url=f"http://127.0.0.1:{port}", s3_bucket="growth")
    wiring = Wiring(settings, load_contract(CONTRACT))
    if what != ARROW:
        wiring.objects().ensure_bucket()  # boto3 is loaded and connected
    works: dict[str, Callable[[], object]] = {
        ARROW: lambda: pacsv.read_csv(file),
        PUBLISH: lambda: publish(wiring, file),
        LOAD: lambda: feature_store.load(wiring.objects(), wiring.contract),
        TRAIN: lambda: train(wiring, rounds),
    }
    report(works[what])


def publish(wiring: Wiring, file: Path) -> None:
    """What `make init_aws` does with a table."""
    contract = wiring.contract
    prepared = prepare(contract, file.read_bytes())
    check(contract, prepared).require()
    feature_store.publish(wiring.objects(), contract, prepared, file.name)


def train(wiring: Wiring, rounds: int) -> None:
    """The steps `split` and `sweep` of a training, without MLflow; at most so many rounds a trial unless it is 0."""
    contract = wiring.contract
    limits = replace(contract.training, max_rounds=rounds) if rounds else contract.training
    parts = split(feature_store.load(wiring.objects(), contract), SEED, contract.split)
    fit = Fit(search_data(contract, parts), objective(contract), SEED, limits)
    with threads(len(os.sched_getaffinity(0))) as executor:
        sweep(fit, TRIALS, SEED, executor)


if __name__ == "__main__":
    main()
