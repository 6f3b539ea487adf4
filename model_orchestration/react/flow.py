"""The Prefect flows that react to alarms and labels: `python -m model_orchestration.react.flow` runs `react` once.

The imports of a harvest and of a training are made when there is one: most runs decide to do nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from prefect import State, flow, get_run_logger
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from model_orchestration.react.policy import Policy
from model_orchestration.react.reaction import Parts, look
from model_orchestration.react.settings import policy_of
from model_orchestration.react.telling import ALARMS, DECISIONS, Teller
from tabular.errors import TabularError
from tabular.process.active_runs import ActiveRun, recorded
from tabular.process.private_files import keep_private
from tabular.wiring import Wiring, wire


@flow(name="react", flow_run_name="react")
def react() -> State[str]:
    """Read alarms, new labels and the ledger of every table, and do what the policy says; the state tells it."""
    try:
        wiring = wire()
        with recorded(wiring.settings.state_dir, ActiveRun(str(flow_run.id), "react")):
            tell(wiring)  # first: what follows may take long
            said, went_well = react_to_tables(wiring.for_tables())
            tell(wiring)
    except TabularError as error:
        return Failed(message=f"Nothing was decided: {error}")
    message = "\n".join(said)
    get_run_logger().info(message)
    return Completed(message=message) if went_well else Failed(message=message)


@flow(name="harvest", flow_run_name=lambda: f"harvest {flow_run.parameters.get('table') or 'the first table'}")
def harvest(table: str = "", since: str = "", until: str = "", mode: str = "append") -> State[str]:
    """Make labelled predictions rows of a new version of a table; as `make harvest`."""
    from model_orchestration.data.harvest.__main__ import harvested

    try:
        wiring = wire().for_table(table)
        with recorded(wiring.settings.state_dir, ActiveRun(str(flow_run.id), "harvest")):
            summary = harvested(wiring, since, until, mode, who="flow harvest")
    except TabularError as error:
        return Failed(message=f"Nothing was harvested: {error}")
    for word, text in summary:
        get_run_logger().info("%s: %s", word, text)
    return Completed(message="\n".join(f"{word} {text}" for word, text in summary))


def react_to_tables(wirings: Sequence[Wiring]) -> tuple[list[str], bool]:
    """Decide about each table and act; a sentence about each, and whether all went well. One table stops no other.

    Raises InvalidSetting for a policy that cannot be meant.
    """
    policies = [policy_of(wiring.settings) for wiring in wirings]
    said, all_went_well = [], True
    for wiring, policy in zip(wirings, policies, strict=True):
        try:
            text = _react(wiring, policy)
        except TabularError as error:
            all_went_well, text = False, f"failed: {error}"
        said.append(f"{wiring.contract.table.name}: {text}")
    return said, all_went_well


def tell(wiring: Wiring) -> None:
    """Post what is new in the ledger to the webhook, if one is set; what cannot be posted waits for the next time."""
    messenger = wiring.messenger()
    if messenger is None:
        return
    settings, tables = wiring.settings, {one.contract.table.name for one in wiring.for_tables()}
    kinds = (*(ALARMS if settings.alert_webhook_about == "everything" else ()), *DECISIONS)
    posted = Teller(wiring.ledger(), messenger, settings.state_dir, kinds).tell(tables, datetime.now(UTC))
    if posted:
        get_run_logger().info("posted to the webhook: %d", posted)


def _react(wiring: Wiring, policy: Policy) -> str:
    parts = Parts(wiring.registry(), wiring.ledger(), wiring.contract, wiring.objects(), wiring.predictions())
    decision = look(parts, policy, datetime.now(UTC))
    if decision.action != "retrain":
        return f"{decision.action}: {decision.why}"
    from model_orchestration.react import acting
    from model_orchestration.react.training import train_once

    get_run_logger().info("%s: harvest and train: %s", parts.table, decision.why)
    return acting.retrain(parts, decision, train_once, wiring.settings.harvest_max_rows)


def main() -> int:
    """Run the flow once; 1 if something could not be done, with the reason in plain words."""
    keep_private()
    state = react(return_state=True)
    sys.stdout.write(f"{state.message}\n")
    return int(not state.is_completed())


if __name__ == "__main__":
    sys.exit(main())
