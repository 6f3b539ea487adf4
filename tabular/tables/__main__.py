"""Say which tables the stack serves, the first one first: `python -m tabular.tables`; 1 for faulty settings."""

from __future__ import annotations

import sys

from tabular.errors import TabularError
from tabular.wiring import wire


def main() -> int:
    """Print their names, one a line, or what is wrong."""
    try:
        for wiring in wire().for_tables():
            sys.stdout.write(f"{wiring.contract.table.name}\n")
    except TabularError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
