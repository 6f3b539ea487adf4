"""What clients would notice if a model of another contract were served."""

from __future__ import annotations

from tabular.contract.types import Contract


def differences(served: Contract, other: Contract) -> list[str]:
    """How the other contract's requests and responses differ from the served one's, in words; nothing if they do not.

    Ranges, categories, derived columns and rules of training may differ: no request of one is malformed to the other.
    """
    if other.table.name != served.table.name:
        return [f"it is a model of the table {other.table.name}"]
    found = []
    kinds = {feature.name: feature.kind for feature in served.features}
    theirs = {feature.name: feature.kind for feature in other.features}
    if lost := sorted(kinds.keys() - theirs.keys()):
        found.append(f"it does not know {', '.join(lost)}")
    if more := sorted(theirs.keys() - kinds.keys()):
        found.append(f"it asks for {', '.join(more)}")
    found += [
        f"its {name} is of the kind {theirs[name]}, not {kind}"
        for name, kind in kinds.items()
        if name in theirs and theirs[name] != kind
    ]
    if (mine := _prediction(served)) != (its := _prediction(other)):
        found.append(f"it predicts {its}, not {mine}")
    return found


def _prediction(contract: Contract) -> str:
    target, task = contract.target, contract.table.task
    of = f"that {target.column} is {target.positive!r}" if target.positive else target.column
    classes = f" of {', '.join(target.classes)}" if target.classes else ""
    return f"{of} ({task}{classes}) under {contract.reply.prediction_key!r}"
