"""The contract's `[checks]`: how far a new version of the table may be from the last accepted one."""

from __future__ import annotations

import msgspec


class CheckRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The limits of the data checks; beyond one of them a model becomes champion only with `ACCEPT="reason"`.

    `alpha` is the probability, after Holm's correction, of calling a table without drift a drifted one.
    `max_class_share_change` is the largest change of the share of a class, 0 to 1; `least_rows_share` the fewest rows,
    as a share of the accepted version's; `max_copied_share` the largest share of the test rows that may be copies of
    training rows; `least_class_rows` the fewest rows of each class that a model is measured on.
    """

    alpha: float = 0.01
    max_class_share_change: float = 0.1
    least_rows_share: float = 0.5
    max_copied_share: float = 0.01
    least_class_rows: int = 20


def check_rule_faults(rules: CheckRules) -> list[str]:
    """What is wrong with the limits, by their keys."""
    faults = [] if 0 < rules.alpha < 1 else [f"checks.alpha: must be above 0 and below 1, not {rules.alpha:g}"]
    faults += [
        f"checks.{key}: must be from 0 to 1, not {getattr(rules, key):g}"
        for key in ("max_class_share_change", "least_rows_share", "max_copied_share")
        if not 0 <= getattr(rules, key) <= 1
    ]
    if rules.least_class_rows < 0:
        faults.append(f"checks.least_class_rows: must be 0 or more, not {rules.least_class_rows}")
    return faults
