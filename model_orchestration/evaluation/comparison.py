"""A paired comparison in words: every sentence of the gate about two models is made of one `Difference`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from model_orchestration.evaluation.metrics import Difference

MIN_DIGITS, MAX_DIGITS = 4, 15


def figures(*values: float) -> list[str]:
    """Numbers with as many digits as tell them apart: what differs never reads the same."""
    for digits in range(MIN_DIGITS, MAX_DIGITS):
        told = [f"{value:.{digits}g}" for value in values]
        if len(set(told)) == len(set(values)):
            return told
    return [repr(value) for value in values]


def certainly_worse(differences: Iterable[Difference]) -> list[Difference]:
    """Where theirs is better by more than chance explains: the whole interval is on their side."""
    return [one for one in differences if one.gain < 0 and one.high < 0]


def certainly_better(differences: Iterable[Difference]) -> list[Difference]:
    """Where ours is better by more than chance explains."""
    return [one for one in differences if one.gain > 0 and one.low > 0]


def told(differences: Sequence[Difference], whose: str) -> str:
    """What each comparison came to: ours, theirs, who is ahead by how much, and whether that is more than chance."""
    return "; ".join(_one(difference, whose) for difference in differences)


def _one(difference: Difference, whose: str) -> str:
    ours, theirs = figures(difference.ours, difference.theirs)
    gain, low, high = figures(difference.gain, difference.low, difference.high)
    if difference.gain == 0:
        finding = "equal"
    else:
        is_certain = certainly_worse([difference]) or certainly_better([difference])
        finding = f"{'better' if difference.gain > 0 else 'worse'}{'' if is_certain else ', within chance'}"
    return (
        f"{difference.metric} {ours} against {whose}'s {theirs}: {finding} (gain {gain}, 95 % interval {low} to {high})"
    )
