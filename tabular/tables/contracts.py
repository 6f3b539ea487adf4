"""The contracts of all tables of one stack."""

from __future__ import annotations

from pathlib import Path

from tabular.contract.loading import load_contract
from tabular.contract.types import Contract
from tabular.errors import InvalidContract, InvalidSetting
from tabular.tables.files import FOLDER, contract_files
from tabular.tables.pins import variable_of


def load_contracts(tables: str) -> dict[Path, Contract]:
    """The contracts that the setting TABLES names, by file; raises InvalidSetting or InvalidContract."""
    contracts = {file: _loaded(file) for file in contract_files(tables)}
    names = [contract.table.name for contract in contracts.values()]
    for at, name in enumerate(names):
        same = [other for other in names[:at] if variable_of(other) == variable_of(name)]
        if same:
            raise InvalidSetting(
                f"TABLES={tables!r} cannot be used: the tables {same[0]} and {name} have the same name, but for case "
                "and signs. Give one of them another `name` under [table] of its contract"
            )
    return contracts


def _loaded(file: Path) -> Contract:
    if not file.exists():
        shipped = ", ".join(sorted(path.stem for path in FOLDER.glob("*.toml")))
        raise InvalidContract(f"TABLES names a table without a contract: there is no file {file}. There are: {shipped}")
    return load_contract(file)
