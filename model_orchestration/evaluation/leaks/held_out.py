"""Small models on held-out folds: the scores that a leak is told by, and how certain a figure of them is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from model_orchestration.data.split import Split
from model_orchestration.evaluation.leaks.interval import Figure, Rows, with_interval
from model_orchestration.search.families.fit import Fit
from model_orchestration.search.trial import Params, SearchData, Trial, objective
from tabular.contract.types import Contract, Task
from tabular.data.table import encode
from tabular.encoding.row import Matrix
from tabular.quality.metrics import Floats, headline_value, row_losses

MAX_ROWS = 6_000
FOLDS = 3
LEAVES, MIN_LEAF_ROWS = 32, 5
PRIOR_ROWS = 5
"""As many rows of the mean are added to each leaf, so that no pure leaf claims to be certain."""
PARAMS: Params = {"learning_rate": 0.3, "max_depth": 4}


@dataclass(frozen=True)
class HeldOut:
    """Rows to look for leaks in, n x k inputs in contract order and n targets, cut into folds by seed."""

    contract: Contract
    inputs: Matrix
    target: Floats
    seed: int = 0

    @property
    def task(self) -> Task:
        """The task of the table."""
        return self.contract.table.task

    @cached_property
    def folds(self) -> Sequence[tuple[Rows, Rows]]:
        """For each fold the rows to fit on and the rows to score; every row is scored once."""
        kind = KFold if self.task == "regression" else StratifiedKFold
        return list(kind(FOLDS, shuffle=True, random_state=self.seed).split(self.inputs, self.target))

    @cached_property
    def constant_losses(self) -> Floats:
        """The loss of each row under the mean, or the class shares, of the rows to fit on."""
        return row_losses(self.task, self.target, self._scored(self._constant))

    def scores(self) -> Floats:
        """The held-out scores of a small XGBoost model of all columns."""
        return self._scored(lambda _, fresh: self._models[fresh[0]].validation_scores)

    def scores_of(self, columns: Sequence[int]) -> Floats:
        """The held-out scores of the same kind of model of these columns."""
        return self._scored(lambda known, fresh: self._fit(columns, known, fresh).validation_scores)

    def column_scores(self, column: Floats) -> Floats:
        """The held-out scores of a small tree of one column of n numbers, NaN where missing."""
        return self._scored(lambda known, fresh: self._tree(column[:, None], known, fresh))

    def permutation_losses(self, together: Sequence[Sequence[int]]) -> list[float]:
        """For each set of columns the mean held-out loss of the model of all when it is shuffled, its rows kept."""
        draw = np.random.default_rng(self.seed)
        losses: list[list[Floats]] = [[] for _ in together]
        for _, fresh in self.folds:
            scorer = self._models[fresh[0]].scorer
            for at, columns in enumerate(together):
                shuffled = self.inputs[fresh].copy()
                shuffled[:, list(columns)] = draw.permutation(shuffled[:, list(columns)])
                losses[at].append(row_losses(self.task, self.target[fresh], scorer.many(shuffled)))
        return [float(np.concatenate(parts).mean()) for parts in losses]

    def headline(self, scores: Floats) -> float:
        """The task's headline metric of scores of all rows: ROC-AUC, the mean over classes of it, or R²."""
        return headline_value(self.task, self.target, scores)

    def headline_figure(self, scores: Floats) -> Figure:
        """The same with its interval."""

        def measure(rows: Rows) -> float:
            return headline_value(self.task, self.target[rows], scores[rows])

        found = with_interval(measure, len(self.target), self.seed)
        return Figure(found.value, found.low, min(found.high, 1.0))

    def share_lost(self, full: Floats, less: Floats) -> Figure:
        """The share of the skill of a model, given by its row losses, that another one of the same rows lacks."""
        constant = self.constant_losses

        def measure(rows: Rows) -> float:
            skill = float(constant[rows].mean() - full[rows].mean())
            return float(less[rows].mean() - full[rows].mean()) / skill if skill > 0 else float("nan")

        return with_interval(measure, len(self.target), self.seed)

    def _scored(self, score: Callable[[Rows, Rows], Floats]) -> Floats:
        parts = [(fresh, np.asarray(score(known, fresh), dtype=np.float64)) for known, fresh in self.folds]
        scores = np.empty((len(self.target), *parts[0][1].shape[1:]))
        for fresh, part in parts:
            scores[fresh] = part
        return scores

    @cached_property
    def _models(self) -> dict[int, Trial]:
        """The model of all columns of each fold, by the first row that it scores."""
        width = self.inputs.shape[1]
        return {int(fresh[0]): self._fit(range(width), known, fresh) for known, fresh in self.folds}

    def _fit(self, columns: Sequence[int], known: Rows, fresh: Rows) -> Trial:
        inputs = self.inputs[:, list(columns)]
        data = SearchData(inputs[known], self.target[known], inputs[fresh], self.target[fresh])
        return Fit(data, objective(self.contract), self.seed)(0, PARAMS)

    def _tree(self, column: Floats, known: Rows, fresh: Rows) -> Floats:
        kind = DecisionTreeRegressor if self.task == "regression" else DecisionTreeClassifier
        tree = kind(max_leaf_nodes=LEAVES, min_samples_leaf=MIN_LEAF_ROWS).fit(column[known], self.target[known])
        rows = tree.tree_.n_node_samples[tree.apply(column[fresh])]
        weight = rows / (rows + PRIOR_ROWS)
        mean = self._constant(known, fresh)
        if self.task == "multiclass":
            return np.asarray(weight[:, None] * tree.predict_proba(column[fresh]) + (1 - weight)[:, None] * mean)
        found = tree.predict(column[fresh]) if self.task == "regression" else tree.predict_proba(column[fresh])[:, -1]
        return np.asarray(weight * found + (1 - weight) * mean)

    def _constant(self, known: Rows, fresh: Rows) -> Floats:
        target, rows = self.target[known], len(fresh)
        if self.task != "multiclass":
            return np.full(rows, target.mean())
        shares = np.bincount(target.astype(np.int64), minlength=len(self.contract.target.classes)) / len(target)
        return np.tile(shares, (rows, 1))


def held_out(contract: Contract, parts: Split, seed: int = 0) -> HeldOut:
    """The training and validation rows of a split, sampled by seed if they are many; the test rows are left alone."""
    target = np.concatenate([part.target.to_numpy() for part in (parts.train, parts.validation)])
    rows = np.arange(len(target))
    if len(target) > MAX_ROWS:
        rows = np.sort(np.random.default_rng(seed).choice(len(target), MAX_ROWS, replace=False))
    of_train, of_validation = rows[rows < len(parts.train)], rows[rows >= len(parts.train)] - len(parts.train)
    drawn = (parts.train.features.iloc[of_train], parts.validation.features.iloc[of_validation])
    inputs, target = np.concatenate([encode(contract, features) for features in drawn]), target[rows]
    return HeldOut(contract, inputs, target, seed)
