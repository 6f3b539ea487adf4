"""`make shadow since=… RUN_ID=…`: score what is stored with any run, and compare it with the champion where labelled.

Nothing is decided by it: the run may have learnt from these rows.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from server.scoring.model import ready_model
from server.shadow.follower import PAGE_PREDICTIONS, Follower, beginning
from server.shadow.pairs import LabelledPairs
from tabular.errors import InvalidSetting
from tabular.model.bundle import Bundle
from tabular.ports.predictions import PredictionReader
from tabular.ports.shadow import ShadowStore
from tabular.process.commands import plainly, say
from tabular.process.private_files import keep_private
from tabular.process.times import moment, shown
from tabular.promotion.contracts import differences
from tabular.quality.bounded_loss import largest_error
from tabular.quality.sequential.challenge import evidence
from tabular.wiring import Wiring, wire

CONFIDENCE = 0.95


def main(given: Sequence[str] | None = None, wiring: Wiring | None = None) -> int:
    """Score the stored predictions: 0 once all are scored, 1 if it cannot be done, 3 if a service is down."""
    parser = argparse.ArgumentParser(prog="python -m server.shadow.past", description=__doc__)
    parser.add_argument("--since", required=True, help="predictions made then or later, such as 2026-11-01T08:30Z")
    parser.add_argument("--run-id", required=True, help="the run to score them with")
    parser.add_argument("--table", default="", help="the table's name; the stack's first if it is not given")
    asked = parser.parse_args(given)
    keep_private()
    return plainly(lambda: _run(asked, wiring or wire()), "the stored predictions cannot be scored")


def _run(asked: argparse.Namespace, wiring: Wiring) -> int:
    since, of_table = moment("since", asked.since), wiring.for_table(asked.table)
    if since is None:
        raise InvalidSetting("since= names no time: give one, such as since=2026-11-01T08:30Z")
    bundle, champion = of_table.bundles().load(asked.run_id), of_table.bundles().champion()
    if others := differences(of_table.contract, bundle.contract):
        raise InvalidSetting(f"the run {asked.run_id} cannot be compared: {'; '.join(others)}. Choose another run")
    store, labels = of_table.shadow(), of_table.predictions()
    say(_scored(store, asked.run_id, bundle, since))
    if champion != asked.run_id:
        say(_compared(store, labels, of_table.bundles().load(champion), champion, bundle, asked.run_id, since))
    store.close()
    labels.close()
    return 0


def _scored(store: ShadowStore, run_id: str, bundle: Bundle, since: datetime) -> list[str]:
    """Score all that is stored since then, and say how many that were."""
    counts, table, until = [0, 0], bundle.contract.table.name, datetime.now(UTC)
    follower, position = _follower(store, run_id, bundle, since, counts), since
    while position < until:
        found = store.predictions(table, position, until, PAGE_PREDICTIONS)
        follower.score(found.predictions)
        position = found.until
    return [
        f"{counts[0]:,} predictions of {table} made since {shown(since)} UTC were scored that had no score of the run "
        f"{run_id} yet; {counts[1]:,} could not be, because its contract does not allow their values."
    ]


def _compared(
    store: ShadowStore,
    labels: PredictionReader,
    served: Bundle,
    champion: str,
    bundle: Bundle,
    run_id: str,
    since: datetime,
) -> list[str]:
    """How the run compares with the champion on the labelled predictions of that time, in words."""
    follower = _follower(store, run_id, bundle, since, [0, 0])
    largest = largest_error(served.contract.table.task, served.metrics)
    pairs = LabelledPairs(labels, store, follower, served.contract, largest)
    pairs.read(champion, run_id, since, datetime.now(UTC))
    theirs, own = pairs.losses
    if not len(own):
        return [f"No labelled prediction of the champion {champion} is there to compare on."]
    found = evidence(theirs - own, CONFIDENCE)
    return [
        f"On {found.labels:,} labelled predictions of the champion {champion} the mean loss is {own.mean():.5f}, and "
        f"the champion's {theirs.mean():.5f}: lower by {found.gain:.5f}, the true gain between "
        f"{found.interval.low:.5f} and {found.interval.high:.5f}.",
        "Nothing is decided by it: the run may have learnt from these rows.",
    ]


def _follower(store: ShadowStore, run_id: str, bundle: Bundle, since: datetime, counts: list[int]) -> Follower:
    def counted(new: int, left_out: int) -> None:
        counts[0] += new
        counts[1] += left_out

    progress = beginning(bundle.contract.table.name, run_id, since)  # it is not stored: a challenger has its own
    return Follower(store, ready_model(run_id, bundle), progress, counted)


if __name__ == "__main__":
    sys.exit(main())
