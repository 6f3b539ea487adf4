"""Check what is to be deployed: `RUN_ID=id python -m server.scoring.check_bundle`; 1 if it must not be served."""

from __future__ import annotations

import sys

from server.scoring.predictor import loaded
from tabular.errors import TabularError
from tabular.process.private_files import keep_private
from tabular.wiring import wire


def main() -> int:
    """Load the model of each table as a server would, with its golden records, and say what it is."""
    keep_private()
    try:
        predictors = loaded(wire().for_tables())
    except TabularError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for predictor in predictors:
        if predictor.why_none:
            sys.stdout.write(f"{predictor.table} has no model: {predictor.why_none}\n")
        else:
            model = predictor.model
            sys.stdout.write(f"run {model.run_id} can be served: bundle {model.bundle.digest[:12]}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
