"""The feature store: immutable versions of a table, each named by the sha256 of its bytes. All raise Unavailable.

    tables/<table>/versions/<sha256>/original        the bytes as they came
    tables/<table>/versions/<sha256>/manifest.json   what they are; written after the bytes
    tables/<table>/versions/<sha256>/dropped.json    rows that the contract rejects and drops: the first, with reasons
    tables/<table>/versions/<sha256>/clean/…         what a contract made of them, as Parquet (`clean_copy`)
    tables/<table>/current                           the sha256 published last
    tables/<table>/accepted                          the sha256 of the last whose model passed the gate

Synthetic data never takes the place of a real table: neither as the current version nor as the accepted one.

A version exists when its manifest does: a crash before that leaves bytes that nobody lists, and the next try heals it.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import msgspec

from tabular.contract.types import Contract
from tabular.data.clean_copy.parts import copy_folder, find_copy, put_copy
from tabular.data.clean_copy.retention import remove_old_copies
from tabular.data.invalid_cells import NONE_DROPPED, DroppedRows
from tabular.data.prepared import PreparedTable, prepare
from tabular.data.synthetic import WRITTEN_AS
from tabular.data.table import CleanTable
from tabular.data.versions.dvc import DvcLineage
from tabular.data.versions.harvested import Harvested
from tabular.data.versions.version import Version, read_anew
from tabular.errors import NotFound, Rejected
from tabular.ports.objects import Objects

ORIGINAL, MANIFEST, DROPPED = "original", "manifest.json", "dropped.json"


def publish(
    objects: Objects,
    contract: Contract,
    body: bytes | PreparedTable,
    source: str,
    *,
    synthetic: bool = False,
    dvc: DvcLineage | None = None,
    harvested: Harvested | None = None,
) -> Version:
    """Store a table and make it the current one; the same bytes make no new version.

    `dvc` says where DVC has them, `harvested` of which predictions and of which version they were made.

    Raises InvalidTable if it cannot be read, and Rejected for synthetic data where there is a real table.
    """
    prepared = body if isinstance(body, PreparedTable) else prepare(contract, body, WRITTEN_AS if synthetic else None)
    sha256 = hashlib.sha256(prepared.body).hexdigest()
    prefix = version_prefix(contract, sha256)
    dropped = NONE_DROPPED if prepared.table is None else prepared.table.dropped
    known = contract.table.source_sha256
    version = Version(
        table=contract.table.name,
        sha256=sha256,
        rows=prepared.facts.rows,
        columns=prepared.columns,
        contract=contract.digest,
        created_at=datetime.now(UTC),
        source=source,
        synthetic=synthetic,
        pristine=sha256 == known if known and harvested is None else None,
        dropped_rows=dropped.count,
        rows_left_out=0 if prepared.table is None else prepared.table.rows_left_out,
        read_as=prepared.read_as,
        dvc=dvc,
        harvested=harvested,
    )
    manifest = _key(contract, sha256, MANIFEST)
    known_version = _read(objects, manifest) if objects.exists(manifest) else None
    version = version if known_version is None else read_anew(known_version, version)
    if version.synthetic and (real := newest_real(objects, contract)) is not None:
        raise Rejected(
            f"synthetic data never replaces a real table: {contract.table.name} has the version {real.sha256[:12]}, "
            f"from {real.source}. Publish a real table, or use another table name in a contract of its own"
        )
    # The bytes are always written: they are the same or, where the stored copy was damaged, better.
    objects.put(_key(contract, sha256, ORIGINAL), prepared.body)
    if dropped.count or (known_version is not None and known_version.dropped_rows):
        objects.put(_key(contract, sha256, DROPPED), msgspec.json.encode(dropped))
    if prepared.table is not None:
        put_copy(objects, prefix, contract, version.written_as, prepared)
    if version != known_version:
        objects.put(manifest, msgspec.json.encode(version))
    before, accepted = (_sha256_at(objects, contract, pointer) for pointer in ("current", "accepted"))
    objects.put(_pointer(contract, "current"), sha256.encode())
    read_by_runs = [version_prefix(contract, each) for each in {before} - {sha256} | {accepted} if each]
    remove_old_copies(
        objects, versions_prefix(contract), copy_folder(prefix, contract, version.written_as), read_by_runs
    )
    return version


def latest(objects: Objects, contract: Contract) -> Version:
    """The version published last; raises NotFound saying what to do."""
    version = _pointed(objects, contract, "current")
    if version is None:
        raise NotFound(f"the feature store has no table {contract.table.name} yet: run `make init_aws`")
    return version


def find_version(objects: Objects, contract: Contract, sha256: str) -> Version:
    """The version of these bytes; raises NotFound."""
    try:
        return _read(objects, _key(contract, sha256, MANIFEST))
    except NotFound as error:
        raise NotFound(f"the feature store has no version {sha256} of the table {contract.table.name}") from error


def ancestors(objects: Objects, contract: Contract, version: Version) -> list[str]:
    """The sha256 of each version that this one was harvested from, the nearest first; raises NotFound."""
    found: list[str] = []
    while version.harvested is not None and version.harvested.parent not in found:
        found.append(version.harvested.parent)
        version = find_version(objects, contract, found[-1])
    return found


def newest_real(objects: Objects, contract: Contract) -> Version | None:
    """The current version if it is of a real table, or else the newest that is; raises Rejected like `versions`."""
    current = _pointed(objects, contract, "current")
    if current is not None and not current.synthetic:
        return current
    return next((version for version in versions(objects, contract) if not version.synthetic), None)


def versions(objects: Objects, contract: Contract) -> list[Version]:
    """Every version of the contract's table, newest first; raises Rejected for a manifest that cannot be read."""
    manifests = [key for key in objects.keys(versions_prefix(contract)) if key.endswith("/manifest.json")]
    return sorted((_read(objects, key) for key in manifests), key=lambda version: version.created_at, reverse=True)


def fetch(objects: Objects, contract: Contract, sha256: str) -> bytes:
    """The bytes of a version, hashed again; raises NotFound, or Rejected if they are not the ones published."""
    try:
        body = objects.get(_key(contract, sha256, ORIGINAL))
    except NotFound as error:
        raise NotFound(f"the feature store has no version {sha256} of the table {contract.table.name}") from error
    found = hashlib.sha256(body).hexdigest()
    if found != sha256:
        raise Rejected(
            f"version {sha256} of the table {contract.table.name} was changed in the store: its bytes now have the "
            f"sha256 {found}. Publish the file again with `make init_aws`"
        )
    return body


def url(objects: Objects, contract: Contract, sha256: str) -> str:
    """Where the bytes of a version are."""
    return objects.url(_key(contract, sha256, ORIGINAL))


def dropped_rows(objects: Objects, contract: Contract, sha256: str) -> DroppedRows:
    """Which rows of a version were dropped when it was published last; raises NotFound, and Rejected if unreadable."""
    key = _key(contract, sha256, DROPPED)
    if not find_version(objects, contract, sha256).dropped_rows:
        return NONE_DROPPED
    try:
        return msgspec.json.decode(objects.get(key), type=DroppedRows)
    except msgspec.MsgspecError as error:
        raise Rejected(f"{key} cannot be read: {error}") from error


def read(objects: Objects, contract: Contract, sha256: str, read_as: Contract | None = None) -> PreparedTable:
    """A version of the contract's table, read as its manifest says and cleaned by the contract or by `read_as`.

    Raises NotFound, Rejected and Unavailable, and InvalidTable if it cannot be read as a table any more.
    """
    version = find_version(objects, contract, sha256)
    return prepare(read_as or contract, fetch(objects, contract, sha256), version.written_as)


def load(
    objects: Objects, contract: Contract, sha256: str | None = None, read_as: Contract | None = None
) -> CleanTable:
    """A version of the contract's table, the latest if none is named, cleaned by it or by the contract `read_as`.

    It is the clean copy where there is a whole one, else the original, cleaned again. Raises NotFound, Rejected,
    InvalidTable and Unavailable.
    """
    version = latest(objects, contract) if sha256 is None else find_version(objects, contract, sha256)
    cleaned_by = read_as or contract
    kept = find_copy(objects, version_prefix(contract, version.sha256), cleaned_by, version.written_as)
    return (read(objects, contract, version.sha256, read_as) if kept is None else kept).required


def mark_accepted(objects: Objects, contract: Contract, sha256: str) -> None:
    """Remember a version as the last whose model passed the gate; the next is compared with it.

    A synthetic one is not remembered in the place of a real one. Raises NotFound.
    """
    accepted = last_accepted(objects, contract)
    if accepted is not None and not accepted.synthetic and find_version(objects, contract, sha256).synthetic:
        return
    objects.put(_pointer(contract, "accepted"), sha256.encode())


def last_accepted(objects: Objects, contract: Contract) -> Version | None:
    """The last version whose model passed the gate, if any; raises Rejected for a manifest that cannot be read."""
    return _pointed(objects, contract, "accepted")


def _pointed(objects: Objects, contract: Contract, pointer: str) -> Version | None:
    try:
        return _read(objects, _key(contract, _sha256_at(objects, contract, pointer), MANIFEST))
    except NotFound:
        return None


def _sha256_at(objects: Objects, contract: Contract, pointer: str) -> str:
    """What the pointer holds, as text; a damaged one points nowhere, and one that is not there is empty."""
    try:
        return objects.get(_pointer(contract, pointer)).decode(errors="replace")
    except NotFound:
        return ""


def _read(objects: Objects, manifest: str) -> Version:
    try:
        return msgspec.json.decode(objects.get(manifest), type=Version)
    except msgspec.MsgspecError as error:
        raise Rejected(f"the manifest {manifest} cannot be read: {error}") from error


def versions_prefix(contract: Contract) -> str:
    """What the keys of all versions of the table begin with."""
    return f"tables/{contract.table.name}/versions/"


def version_prefix(contract: Contract, sha256: str) -> str:
    """What the keys of all that is kept of a version begin with."""
    return f"{versions_prefix(contract)}{sha256}/"


def _key(contract: Contract, sha256: str, name: str) -> str:
    return version_prefix(contract, sha256) + name


def _pointer(contract: Contract, name: str) -> str:
    return f"tables/{contract.table.name}/{name}"
