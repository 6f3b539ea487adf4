"""The policy: from what is known of a table to what is done about it, with the reason. A pure function of both.

It acts with a budget: no oftener than the cool-down allows, and so many times a day. An attempt counts, whatever came
of it, so that what fails is not tried again and again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

import msgspec

Trigger = Literal["schedule", "drift", "quality", "labels"]
TRIGGERS: tuple[Trigger, ...] = ("quality", "drift", "labels", "schedule")
"""What may start a training, the most pressing first."""
Action = Literal["nothing", "tell", "train", "retrain"]
AlarmKind = Literal["drift", "score", "quality"]
DAY = timedelta(days=1)


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm that stands now; `entry` is the id of the entry of the ledger that raised it."""

    entry: str
    kind: AlarmKind
    since: datetime

    @property
    def trigger(self) -> Trigger:
        """The word of RETRAIN_ON that answers to it: scores that shift are drift, too."""
        return "quality" if self.kind == "quality" else "drift"


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What may start a training, how many new labels it takes, and how often it may happen."""

    retrain_on: frozenset[Trigger]
    min_labels: int
    cool_down: timedelta
    max_a_day: int


class TableState(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a table at one time (UTC); `is_scheduled` if it is the hour of the training's schedule.

    `alarms` stand now, for the champion; `new_labels` are those that no harvest has had, counted no further than a
    policy asks; `is_changed` says that the current version, its contract, the code or the settings are others than
    those of the last finished training; `attempts` are the times of the trainings that this policy started;
    `told` are the entries of alarms that were told of already; `challenger` is the run that is in shadow now, if any.
    """

    now: datetime
    is_scheduled: bool = False
    alarms: Sequence[Alarm] = ()
    new_labels: int = 0
    is_changed: bool = False
    attempts: Sequence[datetime] = ()
    told: frozenset[str] = frozenset()
    challenger: str | None = None


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What to do, and why: `retrain` harvests first, `train` takes the current version as it is.

    `reason` is one word for each kind of reason, so that the same nothing is not told twice; `why` is a sentence.
    `about` are the entries of the alarms that it answers to.
    """

    action: Action
    reason: str
    why: str
    trigger: Trigger | None = None
    about: tuple[str, ...] = ()


def decide(state: TableState, policy: Policy) -> Decision:
    """What to do about a table in this state."""
    wanted = _wanted(state, policy)
    if wanted is None:
        return _without_training(state, policy)
    if (held := _held(state, policy, wanted)) is None:
        return wanted
    reason, why = held
    return Decision(action="nothing", reason=reason, why=f"{why}; else: {wanted.why}", trigger=wanted.trigger)


def _wanted(state: TableState, policy: Policy) -> Decision | None:
    """The training that is called for, if any, the most pressing reason first."""
    has_labels = state.new_labels >= policy.min_labels
    for trigger in TRIGGERS:
        alarms = [alarm for alarm in state.alarms if alarm.trigger == trigger]
        is_alarmed = bool(alarms) or trigger == "labels"
        if trigger not in policy.retrain_on:
            continue
        if trigger == "schedule":
            if state.is_scheduled and state.is_changed:
                why = "the table, its contract, the code or the settings changed since the last finished training"
                return Decision(action="train", reason="changed", why=why, trigger=trigger)
        elif is_alarmed and has_labels:
            because = f"an alarm of {trigger} stands, and " if alarms else ""
            why = f"{because}{_enough(policy)}"
            about = tuple(alarm.entry for alarm in alarms)
            return Decision(action="retrain", reason=trigger, why=why, trigger=trigger, about=about)
    return None


def _enough(policy: Policy) -> str:
    return f"RETRAIN_MIN_LABELS ({policy.min_labels:,}) labels or more are new"


def _held(state: TableState, policy: Policy, wanted: Decision) -> tuple[str, str] | None:
    """What keeps a training back that is called for; None if nothing does."""
    if wanted.action == "retrain" and state.challenger is not None:
        # The next challenger would take its place, and with trainings often enough none would ever be decided on.
        return "challenger", f"the challenger {state.challenger} is in shadow, and is decided on first"
    recent = [at for at in state.attempts if state.now - at < DAY]
    if len(recent) >= policy.max_a_day:
        return (
            "budget",
            f"{len(recent)} trainings were started within a day, and RETRAIN_MAX_A_DAY is {policy.max_a_day}",
        )
    last = max(state.attempts, default=None)
    if last is not None and state.now - last < policy.cool_down:
        until = last + policy.cool_down
        return "cool_down", f"it cools down until {until:%Y-%m-%d %H:%M} UTC after the training of {last:%H:%M}"
    return None


def _without_training(state: TableState, policy: Policy) -> Decision:
    """Tell of alarms that nothing is done about, once; else nothing."""
    if alarms := [alarm for alarm in state.alarms if alarm.entry not in state.told]:
        kinds = " and ".join(sorted({alarm.kind for alarm in alarms}))
        why = f"an alarm of {kinds} stands, and no training answers it: {_why_none(state, policy, alarms)}"
        about = tuple(alarm.entry for alarm in alarms)
        return Decision(action="tell", reason="alarm", why=why, about=about)
    if state.new_labels >= policy.min_labels:
        why = f"{_enough(policy)}; RETRAIN_ON does not name labels, and no alarm that it names stands"
        return Decision(action="nothing", reason="labels_wait", why=why)
    why = "nothing changed since the last finished training, and fewer labels are new than RETRAIN_MIN_LABELS"
    standing = "; the alarms that stand were told of" if state.alarms else "; no alarm stands"
    return Decision(action="nothing", reason="told" if state.alarms else "nothing_new", why=why + standing)


def _why_none(state: TableState, policy: Policy, alarms: Sequence[Alarm]) -> str:
    answered = {alarm.trigger for alarm in alarms} & policy.retrain_on
    if not answered:
        return f"RETRAIN_ON names {', '.join(sorted(policy.retrain_on)) or 'nothing'}"
    return f"only {state.new_labels:,} labels are new, and RETRAIN_MIN_LABELS is {policy.min_labels:,}. Attach labels"
