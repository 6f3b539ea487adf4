"""The gate's checks that hold promotion until somebody accepts what they say, with a reason that is recorded."""

from __future__ import annotations

from model_orchestration.evaluation.evidence import Evidence, Rejection

HOW_TO_ACCEPT = 'If it is meant, train again with ACCEPT="reason"'


def enough_of_each_class(evidence: Evidence) -> Rejection | None:
    """Each class has so many rows among those that the model is measured on that its figures mean something.

    These are the test rows, or of a small table all rows, each counted once however often it was held out.
    """
    held_out, least = evidence.held_out, evidence.contract.checks.least_class_rows
    labels = held_out.rows.raw_target[~held_out.rows.raw_target.index.duplicated()]
    counts = {label: int((labels == label).sum()) for label in evidence.contract.target.classes}
    few = {label: count for label, count in counts.items() if count < least}
    if not few:
        return None
    counted = ", ".join(f"{count} of the class {label!r}" for label, count in few.items())
    measured_on = "rows, all cross-validated," if held_out.folds else "test rows"
    return Rejection(
        "enough_of_each_class",
        f"of {len(labels)} {measured_on} only {counted}, where {least} are needed: no figure of the model is certain",
        f"Bring more rows of it. {HOW_TO_ACCEPT}",
    )


def same_target(evidence: Evidence) -> Rejection | None:
    """The present champion predicts the same: whoever reads the scores takes them for what they were."""
    if evidence.other_target is None:
        return None
    return Rejection("same_target", evidence.other_target, f"Readers of the scores must know first. {HOW_TO_ACCEPT}")
