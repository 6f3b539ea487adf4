"""Writes Evidently's pages into `evidently/` of the reports' folder, which the hosts serve under another policy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from reporting.interactive.evidently_page import evidently_html
from reporting.interactive.link import EvidentlyPage
from reporting.publish import write_page
from tabular.contract.types import Contract

FOLDER = "evidently"


@dataclass(frozen=True)
class TwoSides:
    """The two sides of one page, shaped like `Bundle.reference()`, and what the page is called."""

    name: str
    reference: pd.DataFrame
    current: pd.DataFrame


def write_evidently(
    reports: Path, report_name: str, sides: Sequence[TwoSides], contract: Contract
) -> list[EvidentlyPage]:
    """Write one page for each, named after its report; raises OSError."""
    return [_write(reports / FOLDER, f"{report_name}-{at}.html", one, contract) for at, one in enumerate(sides, 1)]


def _write(folder: Path, file: str, sides: TwoSides, contract: Contract) -> EvidentlyPage:
    path = write_page(folder, file, evidently_html(sides.reference, sides.current, contract))
    return EvidentlyPage(f"{FOLDER}/{file}", sides.name, path.stat().st_size)
