"""The tables of one worker: where each is asked, and the model that serves it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from server.api.metrics import ROUTES, Paths
from server.connections.errors import HttpError
from server.scoring.predictor import Predictor
from tabular.wiring import Wiring

TABLES = "/tables"


@dataclass(frozen=True)
class ServedTable:
    """A table, its predictor, and the path before `/predict`: that of the first table is empty, too."""

    name: str
    title: str
    prefix: str
    predictor: Predictor

    @property
    def paths(self) -> Paths:
        """The paths to which its rows are posted, each with the route and the table that it is counted under."""
        prefixes = dict.fromkeys([self.prefix, f"{TABLES}/{self.name}"])
        return {f"{prefix}{route}": (route, self.name) for prefix in prefixes for route in ROUTES}

    @property
    def form_paths(self) -> tuple[str, ...]:
        """The paths of its form: that of the first table is `/`, too."""
        return tuple(f"{prefix}/" for prefix in dict.fromkeys([self.prefix, f"{TABLES}/{self.name}"]))

    def state(self) -> dict[str, Any]:
        """What serves it now, or why nothing does; without an address, for a page that needs no key."""
        if self.predictor.why_none:
            return {"status": "no model", "reason": self.predictor.why_none}
        model = self.predictor.model
        return {
            "status": "ready",
            "model_run_id": model.run_id,
            "bundle": model.bundle.digest,
            "trained_on_synthetic_data": model.bundle.synthetic,
            "contract": {"name": self.name, "digest": model.bundle.contract.digest},
        }


def served_tables(wirings: Sequence[Wiring], predictors: Iterable[Predictor]) -> Mapping[str, ServedTable]:
    """The tables by name; the first is asked at `/predict`, the others at `/tables/<name>/predict`."""
    tables: dict[str, ServedTable] = {}
    for wiring, predictor in zip(wirings, predictors, strict=True):
        table = wiring.contract.table
        tables[table.name] = ServedTable(table.name, table.title, wiring.path_prefix, predictor)
    return tables


def listed(tables: Mapping[str, ServedTable]) -> dict[str, Any]:
    """The response to `GET /tables`."""
    return {
        "tables": [
            {
                "name": table.name,
                "title": table.title,
                "predict": f"{table.prefix}/predict",
                "docs": f"{table.prefix}/docs",
                **table.state(),
            }
            for table in tables.values()
        ]
    }


def table_of(tables: Mapping[str, ServedTable], name: str) -> ServedTable:
    """The table of this name; raises HttpError that names those that there are."""
    if name in tables:
        return tables[name]
    remedy = f"The tables of this server are {', '.join(tables)}; GET {TABLES} tells where each is asked."
    raise HttpError(404, f"there is no table {name[:100]!r} here", "unknown_table", remedy)
