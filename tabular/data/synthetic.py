"""Made-up tables for when there is no real one: the contract's schema, believable marginals, a target to learn.

Each feature is drawn on its own from its `synthetic` entry (uniform where there is none). The target follows the
features' effects plus noise; the effects are bent and crossed, because with straight ones nothing would beat a
logistic regression, and the gate would rightly reject every tree. Nothing learnt here is about people.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tabular.contract.features import Feature, Synthetic
from tabular.contract.source import SourceOptions
from tabular.contract.types import Contract
from tabular.data.rows.filters import passing
from tabular.encoding.dates import DAY_US, EPOCH, MINUTE_US, SECOND_US, moment_in, text_of
from tabular.encoding.values import Value

WRITTEN_AS = SourceOptions(format="csv", separator=",", decimal=".", encoding="utf-8")
"""How `make_table` writes, whatever the contract says of the real table's file."""
FIRST_ID = 700_000_000
FIRST_DAY = np.datetime64("2000-01-01")
GROUP_ROWS = 3
NUMBER_DECIMALS = 3
SYNTHETIC_DAYS = (date(2024, 1, 1), date(2025, 1, 1))  # where a datetime names none
LEARNT = 5  # categories of a feature that learns them and names no shares
REGRESSION_RANGE = (0.0, 1.0)  # where a regression contract gives no quantiles of its target

# An effect's three parts: the straight line, the parabola of a number, and the product with the next effect.
SLOPE, BEND, CROSS = 0.6, 1.2, 0.5
FARTHEST = 3.0  # standard deviations beyond which a value pulls no harder

Floats = NDArray[np.float64]


def make_table(contract: Contract, rows: int, seed: int) -> bytes:
    """Make a CSV with the source's column names and labels; the same contract, rows and seed give the same bytes.

    Dropped columns are left out. Missing values are written as the contract's first missing token, or left empty.
    """
    draw = np.random.default_rng(seed)
    columns: dict[str, Sequence[Value]] = {}
    if contract.table.id_column:
        columns[contract.table.id_column] = (FIRST_ID + draw.permutation(10 * rows)[:rows]).tolist()
    for column in contract.target.columns:
        columns.setdefault(column, ())  # its place; it is drawn from the features
    token = (*contract.table.missing_tokens, "")[0]
    pulls = []
    for feature in contract.features:
        position, values = _draw_feature(feature, rows, draw)
        missing = draw.random(rows) < feature.synthetic.missing_share
        pulls.append((feature, np.where(missing, 0.0, position)))
        columns[feature.column] = [token if gone else value for gone, value in zip(missing, values, strict=True)]
    target = _target(contract, _latent(pulls) + draw.logistic(size=rows))
    if contract.target.minutes_between is None:
        columns[contract.target.column] = target
    else:
        columns |= _begin_and_end(contract, columns, target, draw)
    others = {one.column: [passing(one)] * rows for one in contract.filters}
    columns = others | _split_columns(contract, rows) | columns
    return pd.DataFrame(columns, dtype=object).to_csv(index=False, lineterminator="\n").encode()


def _split_columns(contract: Contract, rows: int) -> dict[str, Sequence[Value]]:
    """A day for each row, and groups of a few rows that follow one another."""
    days = np.datetime_as_string(FIRST_DAY + np.arange(rows)).tolist()
    groups = [f"group {row // GROUP_ROWS}" for row in range(rows)]
    made = {contract.split.time_column: days, contract.split.group_column: groups}
    return {column: values for column, values in made.items() if column is not None}


def _draw_feature(feature: Feature, rows: int, draw: np.random.Generator) -> tuple[Floats, list[Value]]:
    """Draw one feature: where each value stands in its spread, and the values as the source writes them."""
    if feature.range is not None:
        numbers = _inverse_cdf(feature.synthetic.quantiles or feature.range, draw.random(rows))
        decimals = 0 if feature.kind == "integer" else NUMBER_DECIMALS
        kept = np.clip(np.round(numbers, decimals), *feature.ends)
        as_written = int if feature.kind == "integer" else float
        return _standardised(kept), [as_written(value) for value in kept]
    if feature.is_datetime:
        return _draw_datetimes(feature, rows, draw)
    categories = feature.categories or _made_up_categories(feature)
    shares = _shares(feature.synthetic, len(categories))
    codes = draw.choice(len(shares), rows, p=shares)
    centred = codes.astype(np.float64) - float(np.arange(len(shares)) @ shares)
    return _standardised(centred) if feature.kind == "ordinal" else centred, [categories[code] for code in codes]


def _made_up_categories(feature: Feature) -> tuple[str, ...]:
    """Categories for a feature that learns them: as many as it has shares."""
    return tuple(f"{feature.name} {at}" for at in range(1, len(feature.synthetic.shares or range(LEARNT)) + 1))


def _draw_datetimes(feature: Feature, rows: int, draw: np.random.Generator) -> tuple[Floats, list[Value]]:
    """Draw moments to the second; they pull on the target through what is derived from them."""
    texts = [text_of(moment, has_zone=feature.has_zone) for moment in _moments(feature.synthetic, rows, draw)]
    return np.zeros(rows), [*texts]


def _moments(synthetic: Synthetic, rows: int, draw: np.random.Generator) -> list[int]:
    first, last = ((day - EPOCH.date()).days * DAY_US for day in synthetic.between or SYNTHETIC_DAYS)
    moments: list[int] = (draw.integers(first, last, rows) // SECOND_US * SECOND_US).tolist()
    return moments


def _begin_and_end(
    contract: Contract, columns: dict[str, Sequence[Value]], minutes: list[Value], draw: np.random.Generator
) -> dict[str, Sequence[Value]]:
    """The two columns of a target that is the minutes between them; the first may be a feature's."""
    begin, end = contract.target.columns
    texts = columns[begin] or [text_of(at, has_zone=False) for at in _moments(Synthetic(), len(minutes), draw)]
    begun = [moment_in(str(text)) for text in texts]
    ends = [
        "" if at is None else text_of(at.microseconds + round(float(late or 0) * MINUTE_US), has_zone=at.has_zone)
        for at, late in zip(begun, minutes, strict=True)
    ]
    return {begin: texts, end: ends}


def _latent(pulls: Sequence[tuple[Feature, Floats]]) -> Floats:
    latent = np.zeros(len(pulls[0][1]))
    before: Floats | None = None
    for feature, position in pulls:
        effect, near = feature.synthetic.effect, np.clip(position, -FARTHEST, FARTHEST)
        if not effect:
            continue
        latent += SLOPE * effect * near + BEND * abs(effect) * feature.is_numeric * (near**2 - 1)
        scaled = np.sqrt(abs(effect)) * near
        if before is not None:
            latent += CROSS * before * scaled
        before = scaled
    return latent


def _target(contract: Contract, latent: Floats) -> list[Value]:
    target = contract.target
    ranks = (np.argsort(np.argsort(latent, kind="stable"), kind="stable") + 0.5) / len(latent)
    if not target.classes:
        values = _inverse_cdf(target.synthetic.quantiles or REGRESSION_RANGE, ranks)
        return [round(float(value), 6) for value in values]
    rising = sorted(range(len(target.classes)), key=lambda code: target.classes[code] == target.positive)
    cuts = np.cumsum(_shares(target.synthetic, len(rising))[rising])[:-1]
    return [target.classes[rising[at]] for at in np.searchsorted(cuts, ranks, side="right")]


def _inverse_cdf(quantiles: Sequence[float], probabilities: Floats) -> Floats:
    return np.asarray(np.interp(probabilities, np.linspace(0, 1, len(quantiles)), quantiles), dtype=np.float64)


def _shares(synthetic: Synthetic, count: int) -> Floats:
    weights = np.array(synthetic.shares or [1.0] * count, dtype=np.float64)
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def _standardised(values: Floats) -> Floats:
    return np.asarray((values - values.mean()) / (values.std() or 1.0), dtype=np.float64)
