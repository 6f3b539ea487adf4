"""The two serving doors, HTTP and Kinesis, over one use-case: `model`."""

import sys

if "xgboost" not in sys.modules and "sklearn" not in sys.modules:
    # XGBoost imports scikit-learn, and with it pandas, wherever they are installed, for wrappers that no door uses:
    # two thirds of a door's start and 90 MB. It does well without, so it is not to find it.
    sys.modules["sklearn"] = None  # type: ignore[assignment]
    try:
        import xgboost  # noqa: F401
    finally:
        del sys.modules["sklearn"]
