"""`make replay id=…`: fetch the bundle of a stored prediction's run, score its row again, compare every bit."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tabular.errors import NotFound
from tabular.model.bundle import Bundle, read_bundle
from tabular.predictions.prediction import Prediction
from tabular.process.commands import DIFFERS, plainly, say
from tabular.process.private_files import keep_private
from tabular.process.times import shown
from tabular.replay.replay import Field, replay
from tabular.wiring import Wiring, wire


def main(given: Sequence[str] | None = None, wiring: Wiring | None = None) -> int:
    """Replay one prediction: 0 if every bit agrees, 4 if not, 1 if it cannot be done, 3 if a service is down."""
    parser = argparse.ArgumentParser(prog="python -m tabular.replay", description=__doc__)
    parser.add_argument("id", help="a prediction_id, as a response or the store has it")
    arguments = parser.parse_args(given)
    keep_private()
    return plainly(lambda: _run(arguments.id.strip(), wiring or wire()), "the prediction cannot be replayed")


def _run(prediction_id: str, wiring: Wiring) -> int:
    store = wiring.predictions()
    prediction = store.get(prediction_id)
    store.close()
    if prediction is None:
        raise NotFound(
            f"no prediction {prediction_id!r} is stored. It is the `prediction_id` of a response, and is stored within "
            "seconds of it"
        )
    fields = replay(prediction, bundle_of(wiring.for_table(prediction.table), prediction.run_id))
    say(summary(prediction, fields))
    return 0 if all(field.agrees for field in fields) else DIFFERS


def bundle_of(wiring: Wiring, run_id: str) -> Bundle:
    """The verified bundle of a run; raises NotFound, BrokenBundle, Unavailable."""
    with tempfile.TemporaryDirectory() as folder:
        wiring.registry().fetch_bundle(run_id, Path(folder))
        bundle = read_bundle(Path(folder))
    bundle.verify()
    return bundle


def summary(prediction: Prediction, fields: Sequence[Field]) -> list[str]:
    """What was compared, and the result, as lines."""
    differing = [field.name for field in fields if not field.agrees]
    return [
        f"prediction   {prediction.id}, made {shown(prediction.made_at)} UTC by source {prediction.source}",
        f"run          {prediction.run_id}, table {prediction.table}",
        *(f"{one.name:<12} {one.stored!r} {'agrees' if one.agrees else f'DIFFERS: now {one.now!r}'}" for one in fields),
        f"result       {'NOT the same: ' + ', '.join(differing) if differing else 'every bit agrees'}",
    ]


if __name__ == "__main__":
    sys.exit(main())
