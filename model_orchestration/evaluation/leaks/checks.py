"""The gate's checks for leaks: a model too good to be true, and features that predict too well to be known in time."""

from __future__ import annotations

from collections.abc import Sequence

from model_orchestration.evaluation.comparison import figures
from model_orchestration.evaluation.evidence import Evidence, Rejection
from model_orchestration.evaluation.leaks.find import skill_without
from model_orchestration.evaluation.leaks.findings import Finding, LeakReport
from tabular.quality.metrics import headline_value

TOO_GOOD = 0.999
MIN_COPIES = 3  # one or two may be equal by chance, where few digits are measured
MAX_NAMED = 5
METRIC_NAMES = {"roc_auc": "ROC-AUC", "r2": "R²"}


def no_leak(evidence: Evidence) -> Rejection | None:
    """No model of people or machines is this good, unless features that the contract vouches for make it so."""
    known = evidence.contract.table.known_before_outcome
    found = _of_test(evidence)
    if found <= TOO_GOOD or (known and skill_without(evidence.contract, evidence.split, known) <= TOO_GOOD):
        return None
    measure = METRIC_NAMES[evidence.leaks.metric]
    ranked = sorted((one for one in evidence.leaks.features if one.name not in known), key=lambda one: -one.alone)
    best = ", ".join(f"{one.name} {one.alone:.4f}" for one in ranked[:3])
    return Rejection(
        "no_leak",
        f"{measure} {found:.5f} on test is above {TOO_GOOD}; alone the best features reach {best}",
        "find out which features are known before the outcome is. Name those in the contract, "
        "[table] known_before_outcome, and move the columns of the others to dropped_columns",
    )


def no_leaking_feature(evidence: Evidence) -> Rejection | None:
    """No feature predicts the target as only its outcome does, unless the contract vouches for it."""
    known = evidence.contract.table.known_before_outcome
    found = [one for one in evidence.leaks.leaks if one.feature not in known]
    if not found:
        return None
    names = list(dict.fromkeys(one.feature for one in found))
    more = f"; and {len(found) - MAX_NAMED} more" if len(found) > MAX_NAMED else ""
    return Rejection(
        "no_leaking_feature",
        "; ".join(_described(one, evidence.leaks) for one in found[:MAX_NAMED]) + more,
        f"Is {_listed(names)} known before the outcome is? If so, name it in the contract: [table] "
        f"known_before_outcome = [{', '.join(_quoted(name) for name in (*known, *names))}]. If not, take it out of the "
        "features and add its column to dropped_columns",
    )


def no_copied_rows(evidence: Evidence) -> Rejection | None:
    """The test rows are no copies of training rows, which a model need only remember."""
    copied = evidence.copied_rows
    limit = evidence.contract.checks.max_copied_share
    if copied.sum() < MIN_COPIES or copied.mean() <= limit:
        return None
    rows = ", ".join(str(int(row) + 1) for row in evidence.split.test.features.index[copied][:5])
    share, most = figures(float(copied.mean()), limit)
    return Rejection(
        "no_copied_rows",
        f"{int(copied.sum())} of {len(copied)} test rows (a share of {share}, where {most} is the most) are copies of "
        f"training rows: equal in every feature and the target, with no row that is nearly equal, such as rows {rows}",
        "Take the repeated rows out of the table. If one customer has several rows, name the column that tells "
        "customers apart in the contract: [split] group_column",
    )


def questions(evidence: Evidence) -> list[str]:
    """What to ask the author about: features that bring much of the skill by themselves and may well be honest."""
    known = evidence.contract.table.known_before_outcome
    removal = {one.name: one.removal for one in evidence.leaks.features}
    return [
        f"is {one.feature} known before the outcome is? It has {_percent(one)} of the model's skill by itself"
        + (f", and without it the model loses {lost:.0%}" if (lost := removal[one.feature]) and lost > 0.5 else "")
        for one in evidence.leaks.questions
        if one.feature not in known
    ]


def _of_test(evidence: Evidence) -> float:
    test = evidence.split.test.target.to_numpy()
    return headline_value(evidence.contract.table.task, test, evidence.test_scores)


def _described(one: Finding, report: LeakReport) -> str:
    if one.aspect == "removal":
        limit = f"more than {one.limit:.0%} is what a part of the target brings"
        same = f" and {', '.join(one.copies)}, which order the rows as it does," if one.copies else ""
        return f"without {one.feature}{same} the model loses {_percent(one)} of its skill, and {limit}"
    what = one.feature if one.aspect == "alone" else f"whether {one.feature} is missing"
    value, low, high, limit = figures(one.figure.value, one.figure.low, one.figure.high, one.limit)
    measure = METRIC_NAMES[report.metric]
    return f"{what} alone reaches {measure} {value} (95 % interval {low} to {high}) on held-out rows, above {limit}"


def _percent(one: Finding) -> str:
    return f"{one.figure.value:.1%} (95 % interval {one.figure.low:.1%} to {one.figure.high:.1%})"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def _quoted(name: str) -> str:
    """A name as a TOML string; no name holds a quote or a backslash."""
    return f'"{name}"'
