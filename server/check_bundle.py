"""Check a run before it is deployed: `RUN_ID=id python -m server.check_bundle`; 1 if it must not be served."""

from __future__ import annotations

import sys

from server.predictor import Predictor
from tabular.adapters.registry import MlflowRegistry
from tabular.bundle_cache import BundleCache
from tabular.contract import load_contract
from tabular.errors import TabularError
from tabular.private_files import keep_private
from tabular.settings import load_settings


def main() -> int:
    """Load the run as a server would, with its golden records, and say what it is."""
    keep_private()
    try:
        settings = load_settings()
        name = settings.model_name or load_contract(settings.contract).table.name
        cache = BundleCache(MlflowRegistry(settings.mlflow_tracking_uri, name), settings.state_dir / "bundles")
        model = Predictor(cache, settings.run_id).model
    except TabularError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"run {model.run_id} can be served: bundle {model.bundle.digest[:12]}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
