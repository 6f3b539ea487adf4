"""What both simulators share: their arguments, the rows and outcomes they send, how they try again, how they stop."""

from __future__ import annotations

import argparse
import secrets
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from random import Random

from simulation_business.labels import Label, Outcomes
from simulation_business.progress import Progress
from simulation_business.replay import Pace, replay
from simulation_business.rows import Row, table_rows
from simulation_business.shifts import parse_shifts
from tabular.contract.types import Contract
from tabular.errors import InvalidSetting, TabularError
from tabular.process.stopping import stop_event
from tabular.wiring import Wiring, wire

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
BY_ID, BY_KEY = "prediction_id", "business_key"
LABELS_AT_ONCE = 500
REST_SECONDS = 0.2


@dataclass(frozen=True)
class Job:
    """What to send and how fast, and what is told of it later; `stop` is set when the simulator is to end."""

    contract: Contract
    rows: Iterator[Row]
    outcomes: Outcomes
    pace: Pace
    stop: threading.Event
    progress: Progress = field(default_factory=Progress)

    def batches(self, at_most: int) -> Iterator[list[Row]]:
        """The rows that are due, when they are due, until all are sent or it is time to stop."""
        while not self.stop.wait(self.pace.wait_seconds(time.monotonic())):
            rows = list(islice(self.rows, self.pace.take(time.monotonic(), at_most)))
            if not rows:
                return
            self.progress.sent += len(rows)
            yield rows
            self.progress.show()

    def due_labels(self) -> Iterator[list[Label]]:
        """The outcomes that are due by now, some at a time."""
        while labels := list(self.outcomes.due(time.monotonic(), LABELS_AT_ONCE)):
            yield labels
            self.progress.show()

    def until_told(self) -> Iterator[None]:
        """Again and again until every outcome is told, or it is time to stop."""
        while len(self.outcomes) and not self.stop.wait(
            min(REST_SECONDS, self.outcomes.wait_seconds(time.monotonic()))
        ):
            yield
            self.progress.show()

    def tries(self) -> Iterator[None]:
        """Once a try, with growing pauses between; ends when it is time to stop."""
        pause_seconds = FIRST_PAUSE_SECONDS
        while True:
            yield
            self.progress.show()
            if self.stop.wait(pause_seconds):
                return
            pause_seconds = min(2 * pause_seconds, LONGEST_PAUSE_SECONDS)


Send = Callable[[argparse.Namespace, Wiring, Job], None]


def run(describe: Callable[[argparse.ArgumentParser, Wiring], None], send: Send, label_by: str) -> int:
    """Run one simulator: `describe` adds its own arguments, `send` sends the rows of a table. Returns the exit code.

    `label_by` is what its outcomes name, if nothing else is asked for: the prediction, or the business key of the row.
    Without `--table` it sends the rows of every table of the stack, each at the rate.
    """
    stop = stop_event()
    try:
        wiring, table = wire(), _table_of(sys.argv[1:])
        wirings = [wiring.for_table(table)] if table else wiring.for_tables()
        parser = _parser(wirings, label_by)
        describe(parser, wirings[0])
        arguments = parser.parse_args()
        jobs = [_job(arguments, one, stop, is_shifted=one is wirings[0]) for one in wirings]
        for job in jobs:
            sys.stderr.write(f"sending rows of {job.contract.table.name}, {arguments.rate:g} a second\n")
        _send_all(send, arguments, wirings, jobs)
    except TabularError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for job in jobs:
        job.progress.end()
    return int(any(job.progress.failed and not job.progress.served for job in jobs))


def _send_all(send: Send, arguments: argparse.Namespace, wirings: Sequence[Wiring], jobs: Sequence[Job]) -> None:
    """Send each table's rows in a thread of its own; what ends one is raised once all have ended."""
    with ThreadPoolExecutor(len(jobs)) as pool:
        sending = [pool.submit(send, arguments, wiring, job) for wiring, job in zip(wirings, jobs, strict=True)]
    for one in sending:
        one.result()


def drawn_seed() -> int:
    """Another seed each time: whoever always sends the same rows makes a window of repeats, which looks like drift."""
    return secrets.randbelow(2**32)


def _table_of(arguments: list[str]) -> str:
    """The table that is named, which the other arguments' defaults depend on."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--table", default="")
    return str(parser.parse_known_args(arguments)[0].table)


def _parser(wirings: Sequence[Wiring], label_by: str) -> argparse.ArgumentParser:
    names = ", ".join(wiring.contract.table.name for wiring in wirings)
    parser = argparse.ArgumentParser(formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--table", default=names, help="one of the stack's tables")
    parser.add_argument("--rate", type=float, default=1.0, help="rows a second")
    parser.add_argument("--count", type=int, help="stop after so many rows; endless if left out")
    parser.add_argument("--seed", type=int, help="the order of the rows; another one at each start if left out")
    parser.add_argument(
        "--shift",
        action="append",
        default=[],
        metavar="FEATURE=CHANGE",
        help="a planted shift: a number +50%% or -20%% or +1000 or -1000, a label by its name, outcome=flip:30%%; may "
        "be given again. Of several tables it is in the rows of the first",
    )
    settings = wirings[0].settings
    parser.add_argument(
        "--label-delay",
        type=float,
        default=settings.simulator_label_delay_seconds,
        metavar="SECONDS",
        help="how long after its prediction the outcome of a row is told",
    )
    parser.add_argument(
        "--label-share", type=float, default=settings.simulator_label_share, help="of which share of the rows"
    )
    parser.add_argument("--label-by", choices=[BY_ID, BY_KEY], default=label_by, help="what an outcome names")
    return parser


def _job(arguments: argparse.Namespace, wiring: Wiring, stop: threading.Event, *, is_shifted: bool) -> Job:
    if not 0 < arguments.rate <= 1e6 or (arguments.count is not None and arguments.count < 1):
        raise InvalidSetting("--rate must be a number above 0, and --count a whole number of at least 1")
    if not 0 <= arguments.label_share <= 1 or not 0 <= arguments.label_delay <= 1e9:
        raise InvalidSetting("--label-share must be a number from 0 to 1, and --label-delay one of at least 0")
    contract = wiring.contract
    shifts = parse_shifts(contract, arguments.shift if is_shifted else [])
    rows = table_rows(contract.table.name)
    seed = drawn_seed() if arguments.seed is None else arguments.seed
    sys.stderr.write(f"rows of {contract.table.name} in the order of --seed {seed}\n")
    outcomes = Outcomes(
        contract=contract,
        delay_seconds=arguments.label_delay,
        share=arguments.label_share,
        by_key=arguments.label_by == BY_KEY,
        draw=Random(seed),  # noqa: S311 - which outcomes are told is no secret
    )
    sent = map(shifts.of, islice(replay(rows, seed), arguments.count))
    return Job(contract, sent, outcomes, Pace(arguments.rate), stop)
