"""Reports in a folder of their own, over a database of their own."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from embedded.services.service import free_port
from reporting.flow import make_report
from reporting.table_reports import ReportedTable
from server.scoring.model import ready_model
from tabular.encoding.columns import columns_of
from tabular.encoding.row import RowCodec
from tabular.predictions.prediction import id_from_key
from tabular.wiring import Wiring

RUN = "d" * 32


class Reports:
    """Reports in a temporary folder over a database of their own; MLflow is down, the bundle is in the local cache."""

    def __init__(self, settings, bundle, state: Path, database: str) -> None:
        self.bundle = bundle
        self.settings = msgspec.structs.replace(settings, reports_dir=state / "reports", mongo_database=database)
        down = {"mlflow_tracking_uri": f"http://127.0.0.1:{free_port()}", "model_name": "none"}
        wiring = Wiring(msgspec.structs.replace(self.settings, state_dir=state, **down))
        self.store, self._cache = wiring.predictions(), wiring.bundles()
        shutil.copytree(bundle.folder, state / "bundles" / RUN)

    @property
    def folder(self) -> Path:
        return self.settings.reports_dir

    def predict(self, frame, name: str, run_id: str = RUN, bundle=None) -> None:
        """Store predictions of these rows, by another bundle's model if one is given."""
        bundle = bundle or self.bundle
        codec = RowCodec(bundle.contract)
        rows = [codec.parse(record) for record in frame[list(bundle.contract.feature_names)].to_dict("records")]
        ids = [id_from_key(f"{name}-{at}") for at in range(len(rows))]
        made = list(ready_model(run_id, bundle).many(columns_of(rows), ids, "api"))
        now = datetime.now(UTC)
        self.store.save(
            [
                msgspec.structs.replace(one, made_at=now - timedelta(seconds=at), source="api" if at % 3 else "stream")
                for at, one in enumerate(made)
            ]
        )

    def make(self, *further, with_evidently: bool = False) -> str:
        """Report on the bundle's table and on the further ones, as one stack that serves all of them."""
        tables = [one.contract.table for one in (self.bundle, *further)]
        reported = [ReportedTable(table.name, table.title, self._cache) for table in tables]
        return make_report(self.store, reported, self.settings, with_evidently=with_evidently)

    def pages(self) -> list[str]:
        return sorted(path.name for path in self.folder.glob("report-*.html"))
