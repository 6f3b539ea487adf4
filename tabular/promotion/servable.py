"""Whether a run can be served: its bundle is loaded, and scores its golden records bit-identically."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tabular.errors import Rejected
from tabular.model.bundle import Bundle, read_bundle
from tabular.promotion.contracts import differences
from tabular.promotion.parts import Parts


def servable(parts: Parts, run_id: str) -> Bundle:
    """The verified bundle of a run of this table.

    Raises NotFound without a bundle, BrokenBundle if its golden records do not hold, Rejected for a model of another
    table or of a contract that requests of today do not fit, Unavailable.
    """
    with tempfile.TemporaryDirectory() as folder:
        parts.registry.fetch_bundle(run_id, Path(folder))
        bundle = read_bundle(Path(folder))
    bundle.verify()
    if found := differences(parts.contract, bundle.contract):
        raise Rejected(
            f"the run {run_id} cannot be served for {parts.table}: {'; '.join(found)}. Choose a run that was trained "
            "under the present contract, or set the contract file back first"
        )
    return bundle
