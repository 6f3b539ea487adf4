"""The contract files that the setting TABLES names."""

from __future__ import annotations

from pathlib import Path

from tabular.errors import InvalidSetting

FOLDER = Path("contracts")


def contract_files(tables: str) -> list[Path]:
    """The files that the setting TABLES names, in its order; raises InvalidSetting for one that is there twice."""
    files = [contract_file(name) for name in filter(None, (part.strip() for part in tables.split(",")))]
    for file in files:
        if files.count(file) > 1:
            raise InvalidSetting(f"TABLES={tables!r} cannot be used: {file} is there twice. Name each table once")
    if not files:
        raise InvalidSetting(
            f"TABLES={tables!r} cannot be used: it names no table. Leave it empty for CONTRACT's alone"
        )
    return files


def contract_file(name: str) -> Path:
    """The file of a contract: the path itself, or of a bare name the file in `contracts`."""
    return Path(name) if "/" in name or name.endswith(".toml") else FOLDER / f"{name}.toml"
