"""Where a table's bytes come from: the file that is named now, the one that was named last, or none at all.

<state folder>/datasets.json      the last file that was published of each table, by the table's name
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import msgspec

from tabular.contract.source import SourceOptions
from tabular.contract.types import Contract
from tabular.data import feature_store
from tabular.data.synthetic import WRITTEN_AS, make_table
from tabular.data.versions.dvc import DvcLineage, dvc_lineage
from tabular.errors import InvalidSetting, NotFound
from tabular.ports.objects import Objects

DATA = Path("data")
SYNTHETIC_ROWS = 10_000
SYNTHETIC_SEED = 0


@dataclass(frozen=True)
class Source:
    """A table's bytes, and in plain words where they are from; `file` is where they lie, if DATASET_CSV named it.

    `dvc` is what DVC knows of the file, if it tracks it; `written_as` says how the bytes are written, if not as the
    contract says.
    """

    body: bytes
    name: str
    origin: str
    is_synthetic: bool = False
    file: Path | None = None
    dvc: DvcLineage | None = None
    written_as: SourceOptions | None = None


class Datasets:
    """Which file was last published of each table; kept in the state folder."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / "datasets.json"

    def last(self, table: str) -> Path | None:
        """The file that `DATASET_CSV` last named for the table, if any; raises InvalidSetting if unreadable."""
        found = self._read().get(table)
        return None if found is None else Path(found)

    def remember(self, table: str, file: Path) -> None:
        """Keep the file for the next start; raises InvalidSetting if what is kept is unreadable."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._path.with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode(self._read() | {table: str(file)}))
        fresh.replace(self._path)

    def _read(self) -> dict[str, str]:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, str])
        except FileNotFoundError:
            return {}
        except (OSError, msgspec.MsgspecError) as error:
            raise InvalidSetting(
                f"{self._path} cannot be read: {error}. Delete it, and name the table again with DATASET_CSV=path"
            ) from error


def find_source(objects: Objects, contract: Contract, named: str, last: Path | None) -> Source:
    """The file that is named, or was last; else the contract's own in `data`, the real version there is, or synthetic.

    What was harvested on top of it is kept in its place, unless the file is named now. Raises InvalidSetting if a file
    that is named is not there, cannot be read or is not the one that DVC tracks, or for one that was named and no
    version of it is left.
    """
    if named:
        if not _is_there(Path(named)):
            raise InvalidSetting(f"DATASET_CSV={named!r}: there is no such file (looked for {Path(named).resolve()})")
        return _from_file(Path(named), f"real, from {Path(named).name}", is_named=True)
    return _with_harvests(objects, contract, _unnamed(objects, contract, last))


def _unnamed(objects: Objects, contract: Contract, last: Path | None) -> Source:
    if last is not None and _is_there(last):
        return _from_file(last, f"real, from {last}, as DATASET_CSV named it last for this table", is_named=True)
    own = DATA / (contract.table.source_file or "")
    if last is None and _is_there(own):
        return _from_file(own, f"real, from {own.name}")
    return _without_file(objects, contract, last)


def _with_harvests(objects: Objects, contract: Contract, source: Source) -> Source:
    """The current version in the place of its source, if it was harvested from that; else the source."""
    try:
        current = feature_store.latest(objects, contract)
        descends = hashlib.sha256(source.body).hexdigest() in feature_store.ancestors(objects, contract, current)
    except NotFound:
        return source
    if not descends:
        return source
    origin = (
        f"the version {current.sha256[:12]}: {current.harvested}. It is kept, with the labels that it has; to go back "
        "to a file without them: DATASET_CSV=path"
    )
    body = feature_store.fetch(objects, contract, current.sha256)
    return Source(body, current.source, origin, source.is_synthetic, written_as=current.written_as)


def _is_there(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError as error:
        raise InvalidSetting(f"{path} cannot be looked for: {error.strerror}. Check who may read its folder") from error


def _from_file(path: Path, origin: str, *, is_named: bool = False) -> Source:
    file = path.resolve() if is_named else None
    try:
        str(file).encode()
        body = path.read_bytes()
        return Source(body, path.name, origin, file=file, dvc=dvc_lineage(path, body))
    except UnicodeEncodeError as error:
        raise InvalidSetting(
            f"DATASET_CSV: the path {str(file)!a} is not text in UTF-8, so that it cannot be kept: rename the file or "
            "its folder"
        ) from error
    except OSError as error:
        raise InvalidSetting(f"{path} cannot be read: {error.strerror}. Check who may read it") from error


def _without_file(objects: Objects, contract: Contract, last: Path | None) -> Source:
    real = feature_store.newest_real(objects, contract)
    if real is not None:
        why = "no table is named now" if last is None else f"{last} is not there any more"
        origin = (
            f"real, the version {real.sha256[:12]} from {real.source} of {real.created_at:%d %b %Y, %H:%M} UTC. It is "
            f"kept: {why}, and synthetic data never replaces a real table. Another one: DATASET_CSV=path"
        )
        body = feature_store.fetch(objects, contract, real.sha256)
        return Source(body, real.source, origin, written_as=real.written_as)
    if last is not None:
        raise InvalidSetting(
            f"the table that DATASET_CSV named last, {last}, is not there any more: put it back, or name it where it "
            "is now with DATASET_CSV=path"
        )
    wanted = f"put the real table at {DATA / contract.table.source_file} or " if contract.table.source_file else ""
    origin = f"SYNTHETIC data, good for a try and for nothing else. To use real ones, {wanted}set DATASET_CSV"
    body = make_table(contract, SYNTHETIC_ROWS, SYNTHETIC_SEED)
    return Source(body, "synthetic", origin, is_synthetic=True, written_as=WRITTEN_AS)
