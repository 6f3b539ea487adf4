"""The command line of the training flow."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any, get_args

import msgspec

from model_orchestration.report import Outcome, lines
from model_orchestration.search.engines import EngineName, ParallelismName
from tabular.errors import Rejected, Unavailable
from tabular.process.private_files import keep_private

ENGINES, PARALLELISMS = get_args(EngineName), get_args(ParallelismName)
REJECTED, UNAVAILABLE, NOT_REPRODUCED = 1, 3, 4


def main(train: Callable[..., Any], retrain: Callable[..., Any], given: list[str] | None = None) -> int:
    """Run what was asked for and print the summary.

    0: trained (even if the gate rejected the model); 1: data or settings were rejected; 3: another service is down;
    4: a retraining that did not reproduce.
    """
    keep_private()
    arguments = vars(_parser().parse_args(given))
    command = {"train": train, "retrain": retrain}[arguments.pop("command")]
    try:
        outcome = msgspec.convert(command(**arguments, return_state=True).result(), Outcome)
    except Rejected as error:
        sys.stderr.write("\n".join([f"rejected: {error.message}", *(f"  {fault}" for fault in error.faults), ""]))
        return REJECTED
    except Unavailable as error:
        sys.stderr.write(f"{error}. Is the stack up? See `make status`\n")
        return UNAVAILABLE
    for word, text in lines(outcome):
        sys.stdout.write(f"{word:<8} {text}\n")
    return NOT_REPRODUCED if outcome.differing else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m model_orchestration.flow", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train", help="train on the latest table; what is not given is as in the settings")
    train.add_argument("--table", help="one of the stack's tables (TABLES); the first if not given")
    train.add_argument("--contract", help="the contract file of the table")
    train.add_argument("--trials", type=int, help="how many trials the sweep runs")
    train.add_argument("--seed", type=int, help="the seed of the split and of the sweep")
    train.add_argument(
        "--families", help="the families of models to choose among, by commas: xgboost,forest,linear,lightgbm"
    )
    train.add_argument("--time-budget-seconds", type=float, help="stop proposing trials after this long; 0: no limit")
    train.add_argument(
        "--workers", type=int, help="trials side by side, or shares of rows; the result depends on shares"
    )
    train.add_argument("--engine", choices=ENGINES, help="where the trials run; the result does not depend on it")
    train.add_argument(
        "--parallelism", choices=PARALLELISMS, help="what a Dask cluster divides: trials, or the rows of each"
    )
    train.add_argument("--data-version", help="the sha256 of a version in the feature store; the latest if not given")
    train.add_argument(
        "--accept", metavar="REASON", help="why the model may be champion though a check holds it back; recorded"
    )
    train.add_argument("--refresh", action="store_true", help="do every step again, whatever was kept")
    retrain = commands.add_parser("retrain", help="train again on exactly the bytes and settings of an old run")
    retrain.add_argument("--like", required=True, metavar="RUN_ID", help="a sweep's run, or one of its trials'")
    retrain.add_argument("--workers", type=int, help="trials side by side")
    retrain.add_argument("--engine", choices=ENGINES, help="where the trials run")
    return parser
