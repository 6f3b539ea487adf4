"""The features that a drafted contract leaves out, because the gate would reject a model with them."""

from __future__ import annotations

from collections.abc import Mapping

from model_orchestration.data.checks import MIN_CLASS_ROWS, MIN_ROWS
from model_orchestration.data.split import split
from model_orchestration.evaluation.leaks.find import find_leaks
from model_orchestration.evaluation.leaks.findings import Finding, LeakReport
from model_orchestration.evaluation.leaks.identifiers import telling_identifiers
from tabular.contract.types import Contract
from tabular.data.categories.learning import learnt
from tabular.data.table import CleanTable

SEED = 0
METRIC_NAMES = {"roc_auc": "ROC-AUC", "r2": "R²"}


def suspects(contract: Contract, table: CleanTable) -> Mapping[str, str]:
    """Why each feature that may tell the target is suspected, by its public name; nothing where rows are too few.

    It is the gate's own measure (`model_orchestration.evaluation.leaks`), so that what a draft keeps passes there.
    While some tell it by themselves, what a model loses without another says nothing yet: only the former are named.
    """
    if len(table) < MIN_ROWS or (table.has_classes and table.raw_target.value_counts().min() < MIN_CLASS_ROWS):
        return {}
    parts = split(table, SEED, contract.split)
    known = learnt(contract, parts.train)
    report = find_leaks(known, parts, SEED)
    by_themselves = {one.feature: _why(one, report) for one in reversed(report.leaks) if one.aspect != "removal"}
    by_themselves |= {one.feature: f"it {one.how}, and tells the target" for one in telling_identifiers(known, parts)}
    return by_themselves or {one.feature: _why(one, report) for one in report.leaks}


def _why(finding: Finding, report: LeakReport) -> str:
    value, metric = finding.figure.value, METRIC_NAMES[report.metric]
    if finding.aspect == "removal":
        return f"without it a model loses {value:.0%} of its skill, as without a part of the target"
    what = "it" if finding.aspect == "alone" else "whether it is missing"
    return f"{what} predicts the target by itself ({metric} {value:.3f} on held-out rows, above {finding.limit:.3g})"
