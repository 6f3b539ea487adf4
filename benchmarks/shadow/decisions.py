"""How often the decision on a challenger errs in a year of looks, and how many labels a true gain takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from benchmarks.harness.figures import Row, at_most
from benchmarks.harness.results import Table
from benchmarks.shadow.simulated import CHAMPION_NOISE, Floats, Year, binary, multiclass, regression
from tabular.quality.sequential.betting import first_above
from tabular.settings import Settings

DAYS = 365
EQUAL = {
    "equal": binary(CHAMPION_NOISE),
    "equal, nearly the same model": binary(CHAMPION_NOISE, alike=0.99),
    "equal, multiclass": multiclass(0.5),
    "equal, regression": regression(1.0),
}
UNEQUAL = {
    "worse by a little": binary(0.83),
    "worse": binary(0.9),
    "much worse": binary(1.2),
    "better by a little": binary(0.77),
    "better": binary(0.7),
    "much better": binary(0.5),
}
CHALLENGERS_A_YEAR = 52
SCALE = 1.96


class Found(NamedTuple):
    """What came of one year: after how many labels the challenger was promoted, or dropped as worse."""

    promoted: int | None
    dropped: int | None


def tables(years: int, labels_a_day: int) -> list[Table]:
    """Every table; `years` of each kind of challenger, each looked at after each day's labels."""
    rows, found = [], {}
    for name, draw in {**EQUAL, **UNEQUAL}.items():
        gain = float(np.mean([draw(np.random.default_rng(seed), 200_000).mean() for seed in range(5)]))
        found[name] = [_year(draw, seed, labels_a_day) for seed in range(years)]
        rows.append(_row(name, gain, found[name]))
    notes = (
        f"{years:,} simulated years of each, {labels_a_day} labels a day, looked at daily with no budget of labels or "
        f"days: that only makes errors rarer. Confidence {Settings().shadow_confidence}; the gain is in the mean loss."
    )
    return [
        Table("A challenger, looked at daily for a year", rows, notes),
        _beside_others(years, labels_a_day),
        _every_week(found),
        Table("The goals of the decision", _goals(found)),
    ]


def _year(draw: Year, seed: int, labels_a_day: int) -> Found:
    differences = draw(np.random.default_rng((7, seed)), DAYS * labels_a_day)
    half = (1 - Settings().shadow_confidence) / 2
    better, worse = first_above(differences, half), first_above(-differences, half)
    is_promoted = better is not None and (worse is None or better < worse)
    return Found(better if is_promoted else None, None if is_promoted else worse)


def _row(name: str, gain: float, found: list[Found]) -> Row:
    promoted = [one.promoted for one in found if one.promoted is not None]
    dropped = [one.dropped for one in found if one.dropped is not None]
    return {
        "challenger": name,
        "true gain": 0.0 if name in EQUAL else gain,
        "promoted": f"{len(promoted) / len(found):.1%}",
        "dropped as worse": f"{len(dropped) / len(found):.1%}",
        "labels until promoted, mean": round(float(np.mean(promoted))) if promoted and name not in EQUAL else None,
        "nine tenths within": round(float(np.quantile(promoted, 0.9))) if promoted and name not in EQUAL else None,
        "labels until dropped, mean": round(float(np.mean(dropped))) if dropped and name not in EQUAL else None,
    }


def _beside_others(years: int, labels_a_day: int) -> Table:
    """The same looks by rules that are not made for them."""
    half = (1 - Settings().shadow_confidence) / 2
    methods: dict[str, Callable[[Floats], bool]] = {
        "bets, as in the shadow": lambda values: first_above(values, half) is not None,
        "95 % interval, looked at daily": lambda values: bool(_excludes_zero(values, labels_a_day).any()),
        "95 % interval, looked at once, after the year": lambda values: bool(_excludes_zero(values, labels_a_day)[-1]),
    }
    draws = {name: EQUAL[name] for name in ("equal", "equal, regression")}
    rows: list[Row] = []
    for method, decides in methods.items():
        shares = {}
        for name, draw in draws.items():
            years_of = (draw(np.random.default_rng((7, seed)), DAYS * labels_a_day) for seed in range(years))
            shares[f"promoted: {name}"] = f"{sum(map(decides, years_of)) / years:.1%}"
        rows.append({"rule": method, **shares})
    return Table("An equal challenger by other rules", rows, "An interval: mean ± 1.96 standard errors, above zero.")


def _excludes_zero(values: Floats, step: int) -> np.ndarray:
    """At the end of each day, whether the plain interval of the mean so far is above zero."""
    counts = np.arange(1, len(values) + 1)
    mean = np.cumsum(values) / counts
    error = np.sqrt(np.maximum(np.cumsum(values**2) / counts - mean**2, 0) / counts)
    return (mean > SCALE * error)[step - 1 :: step]


def _every_week(found: dict[str, list[Found]]) -> Table:
    """What a year with a new challenger each week adds up to, if all of them are equal to the champion."""
    half = (1 - Settings().shadow_confidence) / 2
    rows: list[Row] = []
    for name in EQUAL:
        share = sum(one.promoted is not None for one in found[name]) / len(found[name])
        rows.append(
            {
                "challengers": name,
                "each": f"{share:.1%}",
                "any of them in a year": f"{1 - (1 - share) ** CHALLENGERS_A_YEAR:.0%}",
                "bound, each": f"{half:.1%}",
                "bound, any": f"{min(CHALLENGERS_A_YEAR * half, 1):.0%}",
                "SHADOW_CONFIDENCE for 5 % a year": f"{1 - 2 * 0.05 / CHALLENGERS_A_YEAR:.4f}",
            }
        )
    return Table(f"Promoted in error with {CHALLENGERS_A_YEAR} equal challengers a year", rows)


def _goals(found: dict[str, list[Found]]) -> list[Row]:
    def share(name: str) -> float:
        return sum(one.promoted is not None for one in found[name]) / len(found[name])

    worst_equal = max(map(share, EQUAL))
    worst_worse = max(share(name) for name in UNEQUAL if name.startswith(("worse", "much worse")))
    return [
        *at_most("an equal challenger is promoted, share of years", worst_equal, 0.05),
        *at_most("a worse one is promoted, share of years", worst_worse, 0.005),
    ]
