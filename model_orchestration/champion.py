"""Say which run is the champion of a table: `python -m model_orchestration.champion [TABLE]`; 1 if there is none."""

from __future__ import annotations

import sys

from tabular.errors import TabularError
from tabular.wiring import wire


def main() -> int:
    """Print the run id, or why there is none."""
    try:
        wiring = wire().for_table("".join(sys.argv[1:]))
        sys.stdout.write(f"{wiring.registry().champion()}\n")
    except TabularError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
