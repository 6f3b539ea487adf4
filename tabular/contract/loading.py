"""Reads a contract: from its TOML file, or as a bundle carries it."""

from __future__ import annotations

from pathlib import Path

import msgspec

from tabular.contract.types import Contract
from tabular.contract.validation import contract_faults
from tabular.errors import InvalidContract


def load_contract(path: Path) -> Contract:
    """Read a contract file; raises InvalidContract naming the file and the field."""
    try:
        return _checked(msgspec.toml.decode(path.read_bytes(), type=Contract), str(path))
    except FileNotFoundError as error:
        raise InvalidContract(f"there is no contract file at {path}; see the folder contracts/") from error
    except (OSError, UnicodeDecodeError, msgspec.MsgspecError) as error:
        raise InvalidContract(f"{path}: {error}") from error


def contract_from_json(text: bytes) -> Contract:
    """Read the contract that a bundle carries; raises InvalidContract."""
    try:
        return _checked(msgspec.json.decode(text, type=Contract), "contract.json")
    except msgspec.MsgspecError as error:
        raise InvalidContract(f"contract.json: {error}") from error


def _checked(contract: Contract, source: str) -> Contract:
    if faults := contract_faults(contract):
        raise InvalidContract(f"{source}: " + "; ".join(faults))
    return contract
