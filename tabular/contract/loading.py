"""Reads a contract: from its TOML file, or as a bundle carries it."""

from __future__ import annotations

from pathlib import Path

import msgspec

from tabular.contract.file_faults.lines import file_faults
from tabular.contract.types import Contract
from tabular.contract.validation import contract_faults
from tabular.errors import InvalidContract


def load_contract(path: Path) -> Contract:
    """Read a contract file; raises InvalidContract with every fault, its line and the key or feature."""
    try:
        body = path.read_bytes()
        return _checked(msgspec.toml.decode(body, type=Contract), str(path))
    except FileNotFoundError as error:
        raise InvalidContract(f"there is no contract file at {path}; see the folder contracts/") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidContract(f"{path}: {error}") from error
    except (InvalidContract, msgspec.MsgspecError) as error:
        raise InvalidContract(f"{path}: " + ";\n  ".join(file_faults(body.decode()) or [str(error)])) from error


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
