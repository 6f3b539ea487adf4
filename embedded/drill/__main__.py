"""The command line of the drill: `make drill`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from embedded.console import console
from embedded.drill.run import run_drill
from embedded.layout import PROJECT
from embedded.supervision.foreground import interrupt_on_every_signal
from tabular.errors import TabularError
from tabular.process.private_files import keep_private

INTERRUPTED = 130


def main() -> int:
    """Play the drill; 1 if a step did not happen as told."""
    keep_private()
    interrupt_on_every_signal()
    parser = argparse.ArgumentParser(prog="make drill", description="The whole story of a model, in minutes.")
    parser.add_argument("--state", default=str(PROJECT / ".state" / "drill"), help="the folder of its own stack")
    parser.add_argument("--pages", default=str(PROJECT / ".state" / "reports"), help="where its page is kept")
    arguments = parser.parse_args()
    try:
        run_drill(Path(arguments.state).resolve(), Path(arguments.pages).resolve())
    except TabularError as error:
        console.print(f"\n{error}", style="red", markup=False)
        return 1
    except KeyboardInterrupt:
        console.show_cursor()
        console.print("\nInterrupted. The drill's stack is stopped and what it wrote is deleted.", markup=False)
        return INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())
