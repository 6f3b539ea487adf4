"""The flow that scores what is put into the bucket: Prefect's skin over `Inbox`. `python -m server.files.flow`."""

from __future__ import annotations

import sys

from prefect import State, flow, get_run_logger
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from server.files.bucket import Inbox, score_all
from server.files.scoring import FileScorer
from server.scoring.predictor import served_model
from tabular.errors import TabularError
from tabular.process.active_runs import ActiveRun, recorded
from tabular.process.private_files import keep_private
from tabular.wiring import Wiring, wire


def score_waiting(wiring: Wiring, *, run_id: str = "", store: bool = False) -> tuple[list[str], bool]:
    """Score every file that waits under `scoring/<table>/in/`; a sentence about each, and whether all went well.

    Raises Unavailable and Rejected where there is no model or no bucket.
    """
    settings = wiring.settings
    inbox = Inbox(wiring.objects(), f"scoring/{wiring.contract.table.name}", settings.state_dir / "scoring")
    waiting = inbox.waiting()
    if not waiting:
        return ["No file waits to be scored."], True
    model = served_model(wiring, run_id)
    found = list(score_all(inbox, waiting, FileScorer(model, wiring.predictions() if store else None)))
    return [text for text, _ in found], all(went_well for _, went_well in found)


def _run_name() -> str:
    try:
        return f"score {wire().contract.table.name}"
    except TabularError:  # the flow will say it
        return "score"


@flow(name="score", flow_run_name=_run_name)
def score(run_id: str = "", store: bool = False) -> State[str]:  # noqa: FBT001, FBT002 - a form of the Prefect UI
    """Score the files under `scoring/<table>/in/` of the bucket, each once; the state says what became of them."""
    try:
        wiring = wire()
        with recorded(wiring.settings.state_dir, ActiveRun(str(flow_run.id), "score")):
            found, went_well = score_waiting(wiring, run_id=run_id, store=store)
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
