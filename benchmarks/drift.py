"""Drift: false alarms, power, and cost, ours beside Evidently's preset as it is shipped.

    python benchmarks/drift.py [--csv data/BankChurners.csv] [--contract contracts/credit_card_churn.toml]
                               [--repeats 200] [--peer-repeats 30] [--stream-rows 30000] [--big]

Each repeat splits the table anew: REFERENCE_ROWS rows are the reference, the window comes from the others, so that
nothing has drifted but what is planted. Without a table, a made-up one stands in. `--big` adds a window of 1,000,000.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.results import Table, Value, save
from tabular.contract import Contract, load_contract
from tabular.drift import Drift, compare
from tabular.synthetic import make_table
from tabular.table import clean, read_csv

REFERENCE_ROWS = 2_000
WINDOWS = (300, 1_000, 5_000)
Plant = Callable[[pd.DataFrame, np.random.Generator], pd.DataFrame]


def plants(contract: Contract) -> dict[str, Plant]:
    """Shifts to find: the first number grows or goes missing, labels change hands."""
    number = next(feature.name for feature in contract.features if feature.kind == "number")
    label = max((feature for feature in contract.features if not feature.is_numeric), key=lambda f: len(f.levels)).name

    def times(factor: float) -> Plant:
        return lambda frame, _: frame.assign(**{number: frame[number] * factor})

    def relabel(share: float) -> Plant:
        def plant(frame: pd.DataFrame, draw: np.random.Generator) -> pd.DataFrame:
            common = frame[label].mode().iloc[0]
            changed = draw.random(len(frame)) < share
            return frame.assign(**{label: frame[label].mask(changed, common)})

        return plant

    def lose(share: float) -> Plant:
        return lambda frame, draw: frame.assign(**{number: frame[number].mask(draw.random(len(frame)) < share)})

    return {
        "nothing": lambda frame, _: frame,
        f"{number} +10 %": times(1.1),
        f"{number} +20 %": times(1.2),
        f"{number} +50 %": times(1.5),
        f"{label}: 10 % become the commonest": relabel(0.1),
        f"{label}: 20 % become the commonest": relabel(0.2),
        f"{number}: 5 % go missing": lose(0.05),
    }


def ours(reference: pd.DataFrame, window: pd.DataFrame, contract: Contract) -> bool:
    outcome = compare(reference, window, contract)
    return isinstance(outcome, Drift) and outcome.dataset_drift


def preset(reference: pd.DataFrame, window: pd.DataFrame, contract: Contract) -> bool:
    """True if Evidently's preset, as it is shipped, flags any column."""
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    numbers = [feature.name for feature in contract.features if feature.is_numeric]
    labels = [feature.name for feature in contract.features if not feature.is_numeric]
    definition = DataDefinition(numerical_columns=numbers, categorical_columns=labels)
    frames = [frame.astype(dict.fromkeys(labels, "str")) for frame in (window, reference)]
    snapshot = Report([DataDriftPreset()]).run(*(Dataset.from_pandas(frame, definition) for frame in frames))
    return any(
        metric["value"]["count"] > 0
        for metric in snapshot.dict()["metrics"]
        if "DriftedColumns" in metric["metric_name"]
    )


def flagged(
    judge: Callable[..., bool], table: pd.DataFrame, contract: Contract, rows: int, plant: Plant, repeats: int
) -> float:
    """The share of repeats in which any feature is flagged."""
    draw, found = np.random.default_rng(0), 0
    for _ in range(repeats):
        order = draw.permutation(len(table))
        reference = table.iloc[order[:REFERENCE_ROWS]].reset_index(drop=True)
        window = table.iloc[order[REFERENCE_ROWS : REFERENCE_ROWS + rows]].reset_index(drop=True)
        found += judge(reference, plant(window, draw), contract)
    return found / repeats


def rates(table: pd.DataFrame, contract: Contract, repeats: int, peer_repeats: int) -> Table:
    found: list[dict[str, Value]] = []
    print(f"\nHow often any of {len(contract.features)} features is flagged (reference {REFERENCE_ROWS:,} rows)")
    print(f"{'planted':44}{'window':>8}{'ours':>9}{'Evidently preset':>19}")
    for name, plant in plants(contract).items():
        for rows in WINDOWS:
            mine = flagged(ours, table, contract, rows, plant, repeats if name == "nothing" else repeats // 4)
            peer = flagged(preset, table, contract, rows, plant, peer_repeats) if name == "nothing" else float("nan")
            print(f"{name:44}{rows:8,}{mine:9.1%}{peer:19.1%}".replace("nan%", "    "), flush=True)
            beside = f"{peer:.1%}".replace("nan%", "")
            found.append({"planted": name, "window": rows, "ours": f"{mine:.1%}", "Evidently preset": beside})
    return Table(f"How often any of {len(contract.features)} features is flagged", found)


def looks(
    table: pd.DataFrame, contract: Contract, window_rows: int = 1_000, step: int = 50, total: int = 30_000
) -> None:
    """Look again and again at a stream that did not drift, as the monitor does."""
    draw = np.random.default_rng(1)
    order = draw.permutation(len(table))
    reference = table.iloc[order[:REFERENCE_ROWS]].reset_index(drop=True)
    others = order[REFERENCE_ROWS:]
    stream = table.iloc[np.concatenate([draw.permutation(others) for _ in range(total // len(others) + 1)])[:total]]
    found = [
        ours(reference, stream.iloc[at : at + window_rows].reset_index(drop=True), contract)
        for at in range(0, total - window_rows, step)
    ]
    longest = max((len(run) for run in "".join("x" if one else " " for one in found).split()), default=0)
    print(f"\nOne stream of {total:,} rows, a window of {window_rows:,}, a look every {step} rows, nothing planted")
    print(f"flagged in {np.mean(found):.1%} of {len(found)} looks; the longest spell is {longest * step:,} rows")


def cost(table: pd.DataFrame, contract: Contract, sizes: tuple[int, ...]) -> Table:
    found: list[dict[str, Value]] = []
    print(f"\nOne comparison, CPU seconds (reference {REFERENCE_ROWS:,} rows)")
    print(f"{'window':>10}{'ours':>9}{'Evidently preset':>19}{'ratio':>8}")
    reference = table.sample(REFERENCE_ROWS, random_state=1).reset_index(drop=True)
    for rows in sizes:
        window = table.sample(rows, replace=True, random_state=2).reset_index(drop=True)
        spent = []
        for judge in (ours, preset):
            runs = []
            for _ in range(3):
                began = time.process_time()
                judge(reference, window, contract)
                runs.append(time.process_time() - began)
            spent.append(min(runs))
        print(f"{rows:10,}{spent[0]:9.3f}{spent[1]:19.3f}{spent[1] / spent[0]:8.1f}", flush=True)
        found.append({"window": rows, "ours": spent[0], "Evidently preset": spent[1], "ratio": spent[1] / spent[0]})
    return Table("One comparison, CPU seconds", found, lines=("window", "ours", "Evidently preset"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--csv", type=Path, default=Path("data/BankChurners.csv"))
    parser.add_argument("--contract", type=Path, default=Path("contracts/credit_card_churn.toml"))
    parser.add_argument("--repeats", type=int, default=200)
    parser.add_argument("--peer-repeats", type=int, default=30)
    parser.add_argument("--stream-rows", type=int, default=30_000)
    parser.add_argument("--big", action="store_true")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    contract = load_contract(given.contract)
    body = given.csv.read_bytes() if given.csv.exists() else make_table(contract, 10_000, 42)
    table = clean(contract, read_csv(body)).features.reset_index(drop=True)
    print(f"{contract.table.title}: {len(table):,} rows of {given.csv if given.csv.exists() else 'a made-up table'}")
    costs = cost(table, contract, (1_000, 10_000, 100_000, *((1_000_000,) if given.big else ())))
    flags = rates(table, contract, given.repeats, given.peer_repeats)
    looks(table, contract, total=given.stream_rows)
    save("drift", costs, flags)


if __name__ == "__main__":
    main()
