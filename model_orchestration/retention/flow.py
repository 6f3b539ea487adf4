"""The Prefect flow that deletes what is old: `python -m model_orchestration.retention.flow [--dry]` runs it once."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from prefect import State, flow, get_run_logger
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from model_orchestration.retention.retention import retain
from tabular.errors import TabularError
from tabular.process.active_runs import ActiveRun, recorded
from tabular.process.private_files import keep_private
from tabular.wiring import Wiring, wire

NOTHING_SET = "nothing is deleted, for no RETENTION_* is set (docs/how-to/keep-less.md)"


@flow(name="retention", flow_run_name="retention")
def retention(dry: bool = False) -> State[str]:  # noqa: FBT001, FBT002 - a form of the Prefect UI
    """Delete what is old of every table, as the settings RETENTION_* say; the state tells what, and why the rest stays.

    With `dry` nothing is deleted.
    """
    try:
        wiring = wire()
        with recorded(wiring.settings.state_dir, ActiveRun(str(flow_run.id), "retention")):
            said, went_well = retain_tables(wiring.for_tables(), dry=dry)
    except TabularError as error:
        return Failed(message=f"Nothing was deleted: {error}")
    message = "\n".join(said)
    get_run_logger().info(message)
    return Completed(message=message) if went_well else Failed(message=message)


def retain_tables(wirings: Sequence[Wiring], *, dry: bool) -> tuple[list[str], bool]:
    """What became of each table's data, and whether all went well. One table stops no other."""
    said, went_well = [], True
    for wiring in wirings:
        table = wiring.contract.table.name
        try:
            parts = retain(wiring, datetime.now(UTC), dry=dry)
            said += [f"{table}: {part.line(dry=dry)}" for part in parts] or [f"{table}: {NOTHING_SET}"]
        except (TabularError, OSError) as error:
            said.append(f"{table}: stopped, and goes on the next time: {error}")
            went_well = False
    return said, went_well


def main() -> int:
    """Run the flow once; 1 if something could not be asked or deleted, with the reason in plain words."""
    keep_private()
    parser = argparse.ArgumentParser(prog="make retention", description=__doc__)
    parser.add_argument("--dry", action="store_true", help="only say what would be deleted, and why the rest stays")
    state = retention(dry=parser.parse_args().dry, return_state=True)
    sys.stdout.write(f"{state.message}\n")
    return int(not state.is_completed())


if __name__ == "__main__":
    sys.exit(main())
