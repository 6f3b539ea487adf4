"""The steps of the drill, each of which ends when the stack itself has recorded what the step is about."""

from __future__ import annotations

import time
from collections.abc import Callable

from embedded.drill.concept import changed_concept, observed, with_swapped_classes
from embedded.drill.own_stack import SERVERS, run_quietly, with_dataset
from embedded.drill.scene import Drill, NotSeen
from tabular.promotion.champion import promote

PAUSE_SECONDS = 5.0
STEADY_LABELS = 1_500
LIVE_ROWS = 20_000


def set_up(drill: Drill, seen: list[str]) -> None:
    """Publish a table, train on it, and serve the model that passed the gate."""
    run_quietly(drill.stack, "model_orchestration.init_aws")
    run_quietly(drill.stack, "model_orchestration.flow", "train")
    drill.stack.up(SERVERS, drill.table.progress)
    promoted = drill.await_entry("promoted")
    seen.append(f"the first champion is run {_short(promoted.run_id)}: {promoted.why}")


def steady(drill: Drill, seen: list[str]) -> None:
    """Send rows like those of the table: nothing may be raised."""
    drill.traffic.follow(observed(drill.contract, LIVE_ROWS, seed=11), seed=12)
    drill.await_labels(STEADY_LABELS)
    if alarms := drill.entries("alarmed"):
        raise NotSeen(f"an alarm was raised though nothing had changed: {alarms[0].why}")
    seen.append(f"{drill.traffic.predictions:,} predictions, {drill.traffic.labels:,} labels, no alarm")


def concept_drift(drill: Drill, seen: list[str]) -> None:
    """Plant concept drift: the same inputs with other outcomes. Only labels can show it."""
    labels = drill.traffic.labels
    drill.traffic.follow(observed(changed_concept(drill.contract), LIVE_ROWS, seed=13), seed=14)
    alarm = drill.await_entry("alarmed")
    if alarm.evidence.get("kind") != "quality":
        raise NotSeen(f"the first alarm is not one of quality: {alarm.why}")
    estimated = drill.quality("monitor_estimated_quality", str(alarm.run_id))
    blind = "" if estimated is None else f" The estimate, made without labels, cannot see it: {estimated:.3f}."
    seen.append(f"quality alarm after {drill.traffic.labels - labels:,} further labels. {alarm.why}{blind}")


def retrain(drill: Drill, seen: list[str]) -> None:
    """Have the policy decide: it harvests the labels and trains a challenger."""
    champion = drill.champion()
    while not (challengers := drill.entries("challenged")):
        run_quietly(drill.stack, "model_orchestration.react.flow")
        decided = drill.entries("decided", "retrained")[-1]
        if not (challengers := drill.entries("challenged")):
            drill.table.progress(decided.why)
            time.sleep(PAUSE_SECONDS)
    harvested = drill.entries("harvested")[-1]
    drill.await_quality(champion)
    seen.append(f"{harvested.why} Run {_short(challengers[-1].run_id)} challenges {_short(champion)}")


def shadow(drill: Drill, seen: list[str]) -> None:
    """Wait until the challenger has proved better on the rows that were served."""
    challenger = str(drill.entries("challenged")[-1].run_id)
    promoted = drill.await_entry("promoted", lambda entry: entry.run_id == challenger)
    seen.append(f"run {_short(challenger)} is champion: {promoted.why}")


def recovery(drill: Drill, seen: list[str]) -> None:
    """Wait until the quality of the new champion is measured: it must be better than that of the one before."""
    before, after = (str(entry.run_id) for entry in drill.entries("promoted")[-2:])
    was, found = drill.measured[before], drill.await_quality(after)
    if found <= was:
        raise NotSeen(f"quality did not recover: {was:.3f} before, {found:.3f} with run {after}")
    seen.append(f"ROC-AUC on the newest labels: {was:.3f} before, {found:.3f} now")


def sabotage(drill: Drill, seen: list[str]) -> None:
    """Publish the table with its classes swapped and train: the gate must not let it through."""
    champion = drill.champion()
    current, swapped = (drill.dataset.with_name(name) for name in ("current.csv", "swapped.csv"))
    run_quietly(drill.stack, "model_orchestration.data.version_commands", "checkout", "current", str(current))
    swapped.write_bytes(with_swapped_classes(drill.contract, current.read_bytes()))
    stack = with_dataset(drill.stack, swapped)
    run_quietly(stack, "model_orchestration.init_aws")
    run_quietly(stack, "model_orchestration.flow", "train")
    last = drill.entries("rejected", "registered")[-1]
    if drill.champion() != champion or drill.entries("challenged")[-1].run_id == last.run_id:
        raise NotSeen(f"the model of swapped classes was let through: {last.why}")
    seen.append(f"run {_short(last.run_id)} is not let through: {last.why}")


def forced(drill: Drill, seen: list[str]) -> None:
    """Promote the sabotaged model by hand, as an engineer may."""
    bad = str(drill.entries("rejected", "registered")[-1].run_id)
    promote(drill.parts, bad, "engineer of the drill", "The drill forces a model that the checks held back.")
    seen.append(f"run {_short(bad)} is champion, promoted by hand with a reason on record")


def rolled_back(drill: Drill, seen: list[str]) -> None:
    """Wait until the champion before has proved better and serves again."""
    back = drill.await_entry("rolled_back")
    seen.append(f"rolled back by {back.who}: {back.why}")


STEPS: dict[str, Callable[[Drill, list[str]], None]] = {
    "Set up": set_up,
    "Steady traffic": steady,
    "Concept drift, inputs alike": concept_drift,
    "Harvest and retrain": retrain,
    "Shadow, then promotion": shadow,
    "Quality recovers": recovery,
    "Sabotage: labels swapped": sabotage,
    "The sabotage, forced by hand": forced,
    "Rolled back by itself": rolled_back,
}


def play(drill: Drill) -> None:
    """Play every step; raises NotSeen, or what a step's command raises."""
    for title, step in STEPS.items():
        with drill.table.step(title) as seen:
            step(drill, seen)


def _short(run_id: str | None) -> str:
    return (run_id or "none")[:8]
