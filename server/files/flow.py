"""The flow that scores what is put into the bucket: Prefect's skin over `Inbox`. `python -m server.files.flow`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from prefect import State, flow, get_run_logger
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from server.files.bucket import Inbox, score_all
from server.files.scoring import FileScorer
from server.scoring.predictor import served_model
from tabular.errors import InvalidSetting, TabularError
from tabular.process.active_runs import ActiveRun, recorded
from tabular.process.private_files import keep_private
from tabular.wiring import Wiring, wire


def score_tables(wirings: Sequence[Wiring], *, run_id: str = "", store: bool = False) -> tuple[list[str], bool]:
    """Score what waits of each table; a sentence about each file, and whether all went well.

    A table that cannot be scored stops no other. Raises InvalidSetting for a run where there are several tables.
    """
    if run_id and len(wirings) > 1:
        names = ", ".join(wiring.contract.table.name for wiring in wirings)
        raise InvalidSetting(f"run_id={run_id!r} is of one table: name it, too. The stack's tables are {names}")
    said, all_went_well = [], True
    for wiring in wirings:
        try:
            found, went_well = score_waiting(wiring, run_id=run_id, store=store)
        except (TabularError, OSError) as error:
            found, went_well = [f"Nothing of {wiring.contract.table.name} is scored: {error}"], False
        said += found
        all_went_well = all_went_well and went_well
    return said, all_went_well


def score_waiting(wiring: Wiring, *, run_id: str = "", store: bool = False) -> tuple[list[str], bool]:
    """Score every file that waits under `scoring/<table>/in/`; a sentence about each, and whether all went well.

    Raises Unavailable and Rejected where there is no model or no bucket.
    """
    settings = wiring.settings
    inbox = Inbox(wiring.objects(), f"scoring/{wiring.contract.table.name}", settings.state_dir / "scoring")
    waiting = inbox.waiting()
    if not waiting:
        return [f"No file of {wiring.contract.table.name} waits to be scored."], True
    model = served_model(wiring, run_id)
    found = list(score_all(inbox, waiting, FileScorer(model, wiring.predictions() if store else None)))
    return [text for text, _ in found], all(went_well for _, went_well in found)


def _run_name() -> str:
    return f"score {flow_run.parameters.get('table') or 'every table'}"


@flow(name="score", flow_run_name=_run_name)
def score(run_id: str = "", store: bool = False, table: str = "") -> State[str]:  # noqa: FBT001, FBT002 - a form of the Prefect UI
    """Score the files under `scoring/<table>/in/` of the bucket, each once; the state says what became of them.

    Of every table of the stack, unless one is named.
    """
    try:
        wiring = wire()
        wirings = [wiring.for_table(table)] if table else wiring.for_tables()
        with recorded(wiring.settings.state_dir, ActiveRun(str(flow_run.id), "score")):
            found, went_well = score_tables(wirings, run_id=run_id, store=store)
    except (TabularError, OSError) as error:
        return Failed(message=f"Nothing is scored: {error}")
    for text in found:
        get_run_logger().info(text)
    message = "\n".join(found)
    return Completed(message=message) if went_well else Failed(message=message)


def main() -> int:
    """Run the flow once; 1 if a file could not be scored, with the reason in plain words."""
    keep_private()
    state = score(return_state=True)
    sys.stdout.write(f"{state.message}\n")
    return int(not state.is_completed())


if __name__ == "__main__":
    sys.exit(main())
