"""The gate before the alias `champion`: what a model must not be. Pure; one small function a refusal.

Every refusal says why and what to do. A refused model stays `challenger`, and the old champion stays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from model_orchestration.data import Split
from model_orchestration.evaluate import Difference, headline, metrics, row_losses
from model_orchestration.probes import feature_ranking, identical_rows
from tabular.contract import Contract

Floats = NDArray[np.floating[Any]]

TOO_GOOD = 0.999
MAX_GAP_SIGMAS = 3.0
MIN_TRIALS_TO_JUDGE_SEARCH = 5
SMALLEST_SPREAD = 1e-6


class Refusal(msgspec.Struct, frozen=True):
    """One reason why the model may not be champion."""

    name: str
    why: str
    remedy: str


class GateReport(msgspec.Struct, frozen=True):
    """The verdict: `passed` is True if no check refused. `notes` are worth knowing and refuse nothing."""

    passed: bool
    refusals: tuple[Refusal, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """What the gate looks at. `baselines` maps a name to its scores on the test rows.

    `against_champion` compares with the present champion on test rows; empty if there is none to compare with.
    """

    contract: Contract
    split: Split
    validation_scores: Floats
    test_scores: Floats
    baselines: Mapping[str, Floats]
    trials: Sequence[Mapping[str, float]]
    against_champion: Sequence[Difference] = ()
    notes: tuple[str, ...] = ()


Check = Callable[[Evidence], Refusal | None]


def judge(evidence: Evidence) -> GateReport:
    """Ask every check; scores that are not numbers in range end the questions early, the rest would be noise."""
    refusals = [refusal for check in FIRST if (refusal := check(evidence)) is not None]
    if not refusals:
        refusals = [refusal for check in THEN if (refusal := check(evidence)) is not None]
    twins = identical_rows(evidence.split)
    notes = [f"{twins} test rows have a twin of identical content among the training rows"] if twins else []
    return GateReport(not refusals, tuple(refusals), (*evidence.notes, *notes))


def scores_in_range(evidence: Evidence) -> Refusal | None:
    """Chances lie in [0, 1] (and sum to 1 over the classes); values of a regression are finite."""
    scores = evidence.test_scores
    bad = ~np.isfinite(scores)
    if evidence.contract.table.task != "regression":
        bad |= (scores < 0) | (scores > 1)
    if scores.ndim == 2:
        bad |= np.abs(scores.sum(axis=1, keepdims=True) - 1) > 1e-3
    if not bad.any():
        return None
    return Refusal(
        "scores_in_range",
        f"{int(bad.any(axis=-1).sum() if bad.ndim == 2 else bad.sum())} test scores are not chances, "
        f"such as {scores[bad][0]:g}",
        "check the objective: a margin is not a chance",
    )


def not_constant(evidence: Evidence) -> Refusal | None:
    """The scores differ from row to row."""
    spread = float(np.ptp(evidence.test_scores, axis=0).max())
    if spread > SMALLEST_SPREAD:
        return None
    return Refusal(
        "not_constant",
        f"every test row gets the same score (they differ by {spread:g} at most)",
        "look at the features: none of them told the trials anything",
    )


def polarity(evidence: Evidence) -> Refusal | None:
    """The score rises with what it is named for, read from the labels as written rather than from their encoding."""
    inverted = [(name, inside, outside) for name, inside, outside in _group_means(evidence) if inside <= outside]
    if not inverted:
        return None
    name, inside, outside = inverted[0]
    return Refusal(
        "polarity",
        f"the score should rise with {name}, but it averages {inside:.4f} there and {outside:.4f} elsewhere",
        "check which class the target is encoded as 1 for: the model may say the chance of the opposite",
    )


def no_leak(evidence: Evidence) -> Refusal | None:
    """No model of people or machines is this good: a column that knows the answer is among the features."""
    task, test = evidence.contract.table.task, evidence.split.test
    measure = headline(task)
    found = metrics(task, test.target.to_numpy(), evidence.test_scores)[measure]
    if found <= TOO_GOOD:
        return None
    ranking = feature_ranking(evidence.contract, evidence.split.train, evidence.split.validation)
    name, alone = ranking[0]
    others = ", ".join(f"{other} {score:.4f}" for other, score in ranking[1:3])
    return Refusal(
        "no_leak",
        f"{measure} {found:.5f} on test is above {TOO_GOOD}: the feature {name} alone reaches {alone:.4f}"
        + (f" (then {others})" if others else ""),
        f"find out whether {name} is known before the outcome is; if not, move it to dropped_columns",
    )


def parts_share_no_row(evidence: Evidence) -> Refusal | None:
    """No row of the table is in two parts."""
    parts = {"train": evidence.split.train, "validation": evidence.split.validation, "test": evidence.split.test}
    names = list(parts)
    for first, second in ((names[0], names[1]), (names[0], names[2]), (names[1], names[2])):
        shared = parts[first].features.index.intersection(parts[second].features.index)
        if len(shared):
            rows = ", ".join(str(int(row) + 1) for row in shared[:5])
            return Refusal(
                "parts_share_no_row",
                f"{len(shared)} rows are both in {first} and in {second}, such as rows {rows}",
                "mend the split: what was trained on cannot be tested on",
            )
    return None


def validation_like_test(evidence: Evidence) -> Refusal | None:
    """Validation is not far better than test: by more than chance explains, with the errors of both counted."""
    task, parts = evidence.contract.table.task, evidence.split
    known = row_losses(task, parts.validation.target.to_numpy(), evidence.validation_scores)
    fresh = row_losses(task, parts.test.target.to_numpy(), evidence.test_scores)
    error = float(np.sqrt(known.var() / len(known) + fresh.var() / len(fresh)))
    gap = float(fresh.mean() - known.mean())
    if gap <= MAX_GAP_SIGMAS * error:
        return None
    return Refusal(
        "validation_like_test",
        f"the loss is {known.mean():.4f} on validation but {fresh.mean():.4f} on test, "
        f"{gap / max(error, 1e-12):.1f} standard errors apart",
        "look for validation rows in the training part, or run fewer trials: the sweep has learnt the validation rows",
    )


def search_was_wide(evidence: Evidence) -> Refusal | None:
    """Every dimension of the search took more than one value."""
    if len(evidence.trials) < MIN_TRIALS_TO_JUDGE_SEARCH:
        return None
    names = sorted({name for params in evidence.trials for name in params})
    stuck = [name for name in names if len({params.get(name) for params in evidence.trials}) == 1]
    if not stuck:
        return None
    values = ", ".join(f"{name} = {evidence.trials[0].get(name)}" for name in stuck)
    return Refusal(
        "search_was_wide",
        f"all {len(evidence.trials)} trials had the same value of {values}",
        "mend the search space: a rounding or a bound has collapsed that dimension",
    )


def better_than_baselines(evidence: Evidence) -> Refusal | None:
    """The loss and the headline metric on test are better than those of every baseline."""
    task, target = evidence.contract.table.task, evidence.split.test.target.to_numpy()
    measure = headline(task)
    ours = metrics(task, target, evidence.test_scores)[measure]
    our_loss = row_losses(task, target, evidence.test_scores).mean()
    for name, scores in evidence.baselines.items():
        theirs, their_loss = metrics(task, target, scores)[measure], row_losses(task, target, scores).mean()
        if ours <= theirs or our_loss >= their_loss:
            return Refusal(
                "better_than_baselines",
                f"{name} does as well on the same test rows: {measure} {theirs:.4f} against {ours:.4f}, "
                f"loss {their_loss:.4f} against {our_loss:.4f}",
                "run more trials, or find features that tell more",
            )
    return None


def no_worse_than_champion(evidence: Evidence) -> Refusal | None:
    """On the same rows, the paired bootstrap does not say that the present champion is better."""
    worse = [difference for difference in evidence.against_champion if difference.high < 0]
    if not worse:
        return None
    return Refusal(
        "no_worse_than_champion",
        "; ".join(
            f"{one.metric} is {one.ours:.4f}, the champion's is {one.theirs:.4f} on the same test rows "
            f"(gain {one.gain:.4f}, 95 % interval {one.low:.4f} to {one.high:.4f})"
            for one in worse
        ),
        "keep the champion; look at what changed in the data or the search",
    )


FIRST: tuple[Check, ...] = (scores_in_range,)
THEN: tuple[Check, ...] = (
    not_constant,
    polarity,
    no_leak,
    parts_share_no_row,
    validation_like_test,
    search_was_wide,
    better_than_baselines,
    no_worse_than_champion,
)


def _group_means(evidence: Evidence) -> list[tuple[str, float, float]]:
    """For each thing a score is named for: the mean score of the rows that are it, and of those that are not."""
    contract, scores = evidence.contract, evidence.test_scores
    labels = evidence.split.test.raw_target.to_numpy()
    if contract.table.task == "regression":
        target = evidence.split.test.target.to_numpy()
        high = target > np.median(target)
        return [("the value to predict", float(scores[high].mean()), float(scores[~high].mean()))]
    columns = (
        {contract.target.positive: scores}
        if scores.ndim == 1
        else dict(zip(contract.target.classes, scores.T, strict=True))
    )
    groups = [(f"the class {name!r}", labels == name, column) for name, column in columns.items()]
    return [
        (name, float(column[rows].mean()), float(column[~rows].mean()))
        for name, rows, column in groups
        if 0 < rows.sum() < len(rows)
    ]
