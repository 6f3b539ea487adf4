"""The versions of a table in the feature store, as a profile compares them."""

from __future__ import annotations

from typing import NamedTuple

from tabular.contract.types import Contract
from tabular.data import feature_store
from tabular.data.reading import RawTable, read_table
from tabular.data.table import CleanTable
from tabular.data.versions.version import Version
from tabular.errors import InvalidTable, NotFound, Rejected, Unavailable
from tabular.wiring import Wiring


class EarlierVersion(NamedTuple):
    """The clean rows of an earlier version, None if there is none; and which it is, or why there is none."""

    table: CleanTable | None
    description: str


def stored(wiring: Wiring, contract: Contract) -> tuple[Version, RawTable]:
    """The version that was published last, and its cells; raises NotFound, Rejected and Unavailable."""
    objects = wiring.objects()
    version = feature_store.latest(objects, contract)
    return version, read_table(feature_store.fetch(objects, contract, version.sha256), version.written_as)


def earlier_version(wiring: Wiring, contract: Contract, other_than: str = "") -> EarlierVersion:
    """The last version whose model passed the gate, else the newest that is not `other_than`."""
    try:
        objects = wiring.objects()
        accepted = feature_store.last_accepted(objects, contract)
        candidates = [*([accepted] if accepted else []), *feature_store.versions(objects, contract)]
        version = next((one for one in candidates if one.sha256 != other_than), None)
        if version is None:
            return EarlierVersion(None, "the feature store has no other version of this table")
        synthetic = "synthetic data, " if version.synthetic else ""
        made = f"{version.created_at:%d %b %Y, %H:%M} UTC"
        description = f"{version.sha256[:12]} of {made} ({synthetic}{version.rows:,} rows)"
        return EarlierVersion(feature_store.load(objects, contract, version.sha256), description)
    except Unavailable:
        return EarlierVersion(None, "not looked for, as the feature store does not respond: start it with make run")
    except (NotFound, Rejected, InvalidTable) as error:
        return EarlierVersion(None, f"not compared: {error}")
