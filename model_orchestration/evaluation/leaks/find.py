"""Looks for leaks in a table: each feature alone, its being missing, and the model without it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from model_orchestration.data.split import Split
from model_orchestration.evaluation.leaks.findings import FeatureSkill, Finding, LeakReport
from model_orchestration.evaluation.leaks.held_out import HeldOut, held_out
from model_orchestration.evaluation.leaks.interval import Figure
from model_orchestration.evaluation.leaks.near_copies import near_copies
from tabular.contract.types import Contract
from tabular.quality.metrics import Floats, headline, row_losses

MAX_STRENGTH = 0.9
"""A feature alone: ROC-AUC above 0.95, or R² above 0.9. Strength is R², or 2 ROC-AUC - 1: 0 by chance, 1 at best."""
MAX_MISSING_STRENGTH = 0.7
"""Being missing alone: ROC-AUC above 0.85, or R² above 0.7. On honest tables it says next to nothing."""
STRONG = 0.7
MAX_REMOVAL = 0.5
"""Of a feature that is strong alone (ROC-AUC above 0.85, R² above 0.7), or in a model that is nearly exact."""
NEARLY_EXACT, EXACT, MAX_REMOVAL_IF_EXACT = 0.9, 0.95, 0.25
"""Skills that only a target computed from the features gives, and what one part of it may bring to an exact model."""
LARGE_SHARE = 0.25
"""Of the skill alone: passes, but is asked about."""
MIN_SKILL = 0.02
"""A model that explains less of the loss has no skill to share out."""


def find_leaks(contract: Contract, parts: Split, seed: int = 0) -> LeakReport:
    """Measure every feature on held-out folds of the training and validation rows."""
    return _Search(held_out(contract, parts, seed)).report()


class _Search:
    """The model of all features, against which each is measured."""

    def __init__(self, data: HeldOut) -> None:
        self._data = data
        self._scores = data.scores()
        self._losses = row_losses(data.task, data.target, self._scores)
        self._constant = float(data.constant_losses.mean())
        self._skill = 1 - float(self._losses.mean()) / self._constant
        self._copies = near_copies(data.inputs)

    def report(self) -> LeakReport:
        """What every feature brings, and what stands out."""
        data = self._data
        shuffled = data.permutation_losses(self._copies)
        features = [self._measured(at, name, shuffled[at]) for at, name in enumerate(data.contract.input_names)]
        found = [finding for at, feature in enumerate(features) for finding in self._leaks(at, feature)]
        asked = [
            self._question(at, feature) for at, feature in enumerate(features) if feature.share_alone > LARGE_SHARE
        ]
        return LeakReport(
            metric=headline(data.task),
            model=data.headline(self._scores),
            skill=self._skill,
            rows=len(data.target),
            features=tuple(features),
            leaks=tuple(found),
            questions=tuple(one for one in asked if one.feature not in {leak.feature for leak in found}),
        )

    def _measured(self, at: int, name: str, shuffled_loss: float) -> FeatureSkill:
        data, column = self._data, self._column(at)
        scores, is_missing = data.column_scores(column), np.isnan(column)
        has_gaps = 0 < is_missing.mean() < 1
        explained = 1 - float(row_losses(data.task, data.target, scores).mean()) / self._constant
        lost_if_shuffled = (shuffled_loss / self._constant - (1 - self._skill)) / max(self._skill, MIN_SKILL)
        return FeatureSkill(
            name=name,
            alone=data.headline(scores),
            share_alone=explained / self._skill if self._skill > MIN_SKILL else 0.0,
            missing=data.headline(data.column_scores(is_missing * 1.0)) if has_gaps else None,
            removal=self._removal(at).value if lost_if_shuffled > MAX_REMOVAL_IF_EXACT else None,
        )

    def _leaks(self, at: int, feature: FeatureSkill) -> list[Finding]:
        data, column, found = self._data, self._column(at), []
        if self._strength(feature.alone) > MAX_STRENGTH:
            figure = data.headline_figure(data.column_scores(column))
            found.append(Finding(feature.name, "alone", figure, self._metric_at(MAX_STRENGTH)))
        if feature.missing is not None and self._strength(feature.missing) > MAX_MISSING_STRENGTH:
            figure = data.headline_figure(data.column_scores(np.isnan(column) * 1.0))
            found.append(Finding(feature.name, "missing", figure, self._metric_at(MAX_MISSING_STRENGTH)))
        limit = self._max_removal(feature)
        if not found and feature.removal is not None and feature.removal > limit:
            copies = tuple(data.contract.input_names[other] for other in self._copies[at] if other != at)
            found.append(Finding(feature.name, "removal", self._removal(at), limit, copies))
        return found

    def _max_removal(self, feature: FeatureSkill) -> float:
        if self._skill > EXACT:
            return MAX_REMOVAL_IF_EXACT
        return MAX_REMOVAL if self._skill > NEARLY_EXACT or self._strength(feature.alone) > STRONG else np.inf

    def _question(self, at: int, feature: FeatureSkill) -> Finding:
        data = self._data
        losses = row_losses(data.task, data.target, data.column_scores(self._column(at)))
        return Finding(feature.name, "alone", data.share_lost(self._losses, losses).complement, LARGE_SHARE)

    def _removal(self, at: int) -> Figure:
        data = self._data
        others = [other for other in range(data.inputs.shape[1]) if other not in self._copies[at]]
        scores = data.scores_of(others) if others else None
        worse = data.constant_losses if scores is None else row_losses(data.task, data.target, scores)
        return data.share_lost(self._losses, worse)

    def _column(self, at: int) -> Floats:
        return self._data.inputs[:, at].astype(np.float64)

    def _strength(self, value: float) -> float:
        return value if self._data.task == "regression" else 2 * value - 1

    def _metric_at(self, strength: float) -> float:
        return strength if self._data.task == "regression" else (strength + 1) / 2


def skill_without(contract: Contract, parts: Split, names: Sequence[str]) -> float:
    """The headline metric that a small model of the other features reaches on held-out folds; 0 if there are none."""
    data = held_out(contract, parts)
    others = [at for at, name in enumerate(contract.input_names) if name not in names]
    return data.headline(data.scores_of(others)) if others else 0.0
