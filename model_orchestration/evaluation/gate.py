"""The gate before the alias `champion`: what a model must not be. Pure; one small function a check.

Every rejection says why and what to do. A rejected model is registered and gets no alias; the champion stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from model_orchestration.evaluation.baselines import CONSTANT
from model_orchestration.evaluation.by_slice.differences import no_slice_worse_than_champion
from model_orchestration.evaluation.comparison import described, figures, significantly_better, significantly_worse
from model_orchestration.evaluation.evidence import Check, Evidence, GateReport, Rejection
from model_orchestration.evaluation.hold_checks import enough_of_each_class, same_target
from model_orchestration.evaluation.leaks.checks import no_copied_rows, no_leak, no_leaking_feature, questions
from model_orchestration.evaluation.leaks.forward import forward_like_random, forward_notes
from model_orchestration.evaluation.leaks.identifiers import no_telling_identifier
from model_orchestration.evaluation.leaks.near_duplicates import no_near_duplicates
from model_orchestration.evaluation.probes import identical_rows
from model_orchestration.evaluation.score_checks import not_constant, polarity, scores_in_range
from model_orchestration.search.trial import CATEGORIES, FAMILY, family_of
from tabular.contract.training import Family
from tabular.contract.types import Contract
from tabular.quality.metrics import row_losses

MAX_GAP_SIGMAS = 3.0
MIN_TRIALS_TO_CHECK_SEARCH = 5
MANY_TRIALS = 20
"""As many trials are drawn at random before the search learns from them: so long a search has explored the space."""


def evaluate(evidence: Evidence) -> GateReport:
    """Run every check; scores that are out of range end it early, for the other checks would only add noise."""
    rejections = [rejection for check in FIRST if (rejection := check(evidence)) is not None]
    if rejections:
        return GateReport(passed=False, rejections=tuple(rejections), notes=evidence.notes)
    rejections = [rejection for check in THEN if (rejection := check(evidence)) is not None]
    twins = identical_rows(evidence.split)
    notes = [f"{twins} test rows have a twin of identical content among the training rows"] if twins else []
    notes += forward_notes(evidence)
    if not rejections:
        notes += _ties(evidence)
    return GateReport(
        passed=not rejections,
        rejections=tuple(rejections),
        notes=(*evidence.notes, *notes),
        questions=tuple(questions(evidence)),
        holds=tuple(hold for check in HOLDING if (hold := check(evidence)) is not None),
        leaks=evidence.leaks,
    )


def parts_share_no_row(evidence: Evidence) -> Rejection | None:
    """No row of the table is in two parts."""
    parts = {"train": evidence.split.train, "validation": evidence.split.validation, "test": evidence.split.test}
    names = list(parts)
    for first, second in ((names[0], names[1]), (names[0], names[2]), (names[1], names[2])):
        shared = parts[first].features.index.intersection(parts[second].features.index)
        if len(shared):
            rows = ", ".join(str(int(row) + 1) for row in shared[:5])
            return Rejection(
                "parts_share_no_row",
                f"{len(shared)} rows are both in {first} and in {second}, such as rows {rows}",
                "fix the split: what was trained on cannot be tested on",
            )
    return None


def validation_like_test(evidence: Evidence) -> Rejection | None:
    """Validation is not far better than test: by more than its standard error explains."""
    task, parts = evidence.contract.table.task, evidence.split
    known = row_losses(task, parts.validation.target.to_numpy(), evidence.validation_scores)
    fresh = row_losses(task, parts.test.target.to_numpy(), evidence.test_scores)
    error = float(np.sqrt(known.var() / len(known) + fresh.var() / len(fresh)))
    gap = float(fresh.mean() - known.mean())
    if gap <= MAX_GAP_SIGMAS * error:
        return None
    lower, higher = figures(float(known.mean()), float(fresh.mean()))
    fewer = ", or run fewer trials: the sweep has learnt the validation rows"
    return Rejection(
        "validation_like_test",
        f"the loss is {lower} on validation but {higher} on test, {gap / max(error, 1e-300):.3g} standard errors apart",
        "search for validation rows in the training part" + (fewer if len(evidence.trials) > MANY_TRIALS else ""),
    )


def search_was_wide(evidence: Evidence) -> Rejection | None:
    """Every dimension of the search took more than one value, in each family that was tried often enough."""
    for family in sorted({family_of(params) for params in evidence.trials}):
        trials = [params for params in evidence.trials if family_of(params) == family]
        if len(trials) >= MIN_TRIALS_TO_CHECK_SEARCH and (stuck := _stuck(evidence.contract, family, trials)):
            values = ", ".join(f"{name} = {trials[0].get(name)}" for name in stuck)
            return Rejection(
                "search_was_wide",
                f"all {len(trials)} trials had the same value of {values}",
                "fix the search space: a rounding or a bound has collapsed that dimension",
            )
    return None


def _stuck(contract: Contract, family: Family, trials: Sequence[Mapping[str, int | float | str]]) -> list[str]:
    """The hyperparameters with one value in all trials of a family, but for those that the contract fixes.

    How categories are taken is one of two values, which few trials may share by chance.
    """
    searched = {name for params in trials for name in params} - {FAMILY, CATEGORIES} - contract.training.fixed(family)
    return [name for name in sorted(searched) if len({params.get(name) for params in trials}) == 1]


def better_than_baselines(evidence: Evidence) -> Rejection | None:
    """No baseline is significantly better on the test rows, and the model is better than a constant by some metric.

    A tie with a linear model is no rejection, and one with a constant is if not even the mean loss is lower.
    """
    for name, differences in evidence.against_baselines.items():
        if worse := significantly_worse(differences):
            return Rejection(
                "better_than_baselines",
                f"worse than {name} on the same rows: {described(worse, name)}",
                _remedy(evidence),
            )
        loss = differences[0]
        if name == CONSTANT and not significantly_better(differences) and loss.gain <= 0:
            why = f"nothing says that the model is better than {name}: {described(differences, name)}"
            return Rejection("better_than_baselines", why, _remedy(evidence))
    return None


def no_worse_than_champion(evidence: Evidence) -> Rejection | None:
    """On the same rows, the paired bootstrap does not say that the present champion is better."""
    worse = significantly_worse(evidence.against_champion)
    if not worse:
        return None
    return Rejection(
        "no_worse_than_champion",
        f"worse than the champion on the same rows: {described(worse, 'the champion')}",
        "keep the champion; check what changed in the data or the search",
    )


FIRST: tuple[Check, ...] = (scores_in_range,)
THEN: tuple[Check, ...] = (
    not_constant,
    polarity,
    no_leak,
    no_leaking_feature,
    no_telling_identifier,
    parts_share_no_row,
    no_copied_rows,
    no_near_duplicates,
    validation_like_test,
    search_was_wide,
    forward_like_random,
    better_than_baselines,
    no_worse_than_champion,
    no_slice_worse_than_champion,
)

HOLDING: tuple[Check, ...] = (enough_of_each_class, same_target)
"""What rejects nothing, but promotes nothing either until it is accepted with a reason."""


def _remedy(evidence: Evidence) -> str:
    """More trials only where the search was short: a long one has found what there is to find."""
    many = len(evidence.trials)
    if many < MANY_TRIALS:
        return f"run more trials ({many} were run), or find more predictive features"
    return f"find more predictive features, or more rows: after {many} trials, more of them will hardly help"


def _ties(evidence: Evidence) -> list[str]:
    """Baselines that the model is not significantly better than: worth knowing, and no rejection."""
    return [
        f"not significantly better than {name}: {described(differences, name)}"
        for name, differences in evidence.against_baselines.items()
        if not significantly_better(differences)
    ]
