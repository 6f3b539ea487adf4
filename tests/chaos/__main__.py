"""Break the loop on purpose, under load, and count what was lost.

    python -m tests.chaos [--minutes 10 | --smoke SECONDS] [--seed N] [--rate 20] [--keep]

Ends with 1 if a promise was broken, if anything did not come back, or if fewer faults than asked for took place.
"""

from __future__ import annotations

import argparse
import faulthandler
import logging
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from embedded.services import backends
from tests.chaos.faults.schedule import schedule, smoke
from tests.chaos.run import Run
from tests.chaos.stack import Stack

MALFORMED = 10_000
SMOKE_MALFORMED = 400


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0, help="under load; audits and restarts come on top")
    parser.add_argument("--smoke", type=float, metavar="SECONDS", help="one short round, without MLflow and monitor")
    parser.add_argument("--seed", type=int, help="the same seed gives the same schedule")
    parser.add_argument("--rate", type=float, default=20.0, help="requests and records a second, each")
    parser.add_argument("--keep", action="store_true", help="leave the folder with every log")
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if options.seed is None else options.seed
    rounds = smoke(seed, options.smoke) if options.smoke else schedule(seed, options.minutes)
    planned = sum(len(each.faults) + len(each.at_rest) for each in rounds)
    print(f"seed {seed}: {planned} faults in {len(rounds)} rounds", flush=True)
    os.environ.update(backends.AWS_ENVIRON)
    logging.getLogger("tabular").setLevel(logging.ERROR)  # what is put again is no news here
    faulthandler.register(signal.SIGUSR1)  # where does it hang?
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to stop"))
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    is_good, stack = False, Stack(folder, seed, is_whole=not options.smoke)
    began = time.monotonic()
    try:
        stack.start()
        malformed = SMOKE_MALFORMED if options.smoke else MALFORMED
        run = Run(stack, options.rate, -(-malformed // (2 * len(rounds))))
        is_good = run.all(rounds)
    finally:
        stack.end()
        if options.keep:
            print(f"logs in {stack.layout.logs}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    print(f"seed {seed}, {(time.monotonic() - began) / 60:.1f} minutes: {'nothing lost' if is_good else 'NOT GOOD'}")
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
