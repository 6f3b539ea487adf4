"""Two probes of a table for the gate: what one feature predicts alone, and rows that are in two parts."""

from __future__ import annotations

from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from model_orchestration.data.split import Split
from tabular.contract.types import Contract
from tabular.data.table import CleanTable, encode
from tabular.quality.metrics import headline, metrics

PROBE_LEAVES = 16


def feature_ranking(contract: Contract, fit: CleanTable, score: CleanTable) -> list[tuple[str, float]]:
    """What each feature reaches on its own (a small tree, the task's headline metric), best first."""
    task = contract.table.task
    known, fresh = encode(contract, fit.features), encode(contract, score.features)
    found = []
    for at, name in enumerate(contract.feature_names):
        tree = (DecisionTreeRegressor if task == "regression" else DecisionTreeClassifier)(max_leaf_nodes=PROBE_LEAVES)
        tree.fit(known[:, [at]], fit.target.to_numpy())
        scores = tree.predict(fresh[:, [at]]) if task == "regression" else tree.predict_proba(fresh[:, [at]])
        scores = scores[:, 1] if task == "binary" else scores
        found.append((name, metrics(task, score.target.to_numpy(), scores)[headline(task)]))
    return sorted(found, key=lambda entry: -entry[1])


def identical_rows(split: Split) -> int:
    """How many test rows have the content of a training row: natural where few values exist, so it rejects nothing."""
    known = set(contents(split.train))
    return sum(content in known for content in contents(split.test))


def contents(table: CleanTable) -> list[tuple[object, ...]]:
    """Each row of a table as plain values, target last: equal rows are equal."""
    rows = table.features.astype(object).where(table.features.notna(), None)
    return list(zip(*(rows[name] for name in rows.columns), table.target, strict=True))
