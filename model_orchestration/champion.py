"""Say which run is the champion: `python -m model_orchestration.champion`; 1 if there is none."""

from __future__ import annotations

import sys

from tabular.errors import TabularError
from tabular.wiring import wire


def main() -> int:
    """Print the run id, or why there is none."""
    try:
        sys.stdout.write(f"{wire().registry().champion()}\n")
    except TabularError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
