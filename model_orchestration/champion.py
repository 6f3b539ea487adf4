"""Say which run is the champion: `python -m model_orchestration.champion`; 1 if there is none."""

from __future__ import annotations

import sys

from tabular.adapters.registry import MlflowRegistry
from tabular.contract import load_contract
from tabular.errors import TabularError
from tabular.settings import load_settings


def main() -> int:
    """Print the run id, or why there is none."""
    try:
        settings = load_settings()
        name = settings.model_name or load_contract(settings.contract).table.name
        sys.stdout.write(f"{MlflowRegistry(settings.mlflow_tracking_uri, name).champion()}\n")
    except TabularError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
