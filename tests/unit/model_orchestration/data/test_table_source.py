"""A table that cannot be read or remembered is named in one sentence, not in a traceback."""

from __future__ import annotations

import os

import pytest

from model_orchestration.data.table_source import Datasets, find_source
from tabular.errors import InvalidSetting


@pytest.mark.parametrize(("path", "why"), [("/proc/self/mem", "cannot be read"), ("d" * 5_000, "d" * 5_000)])
def test_a_table_that_cannot_be_read_is_named(contract, path, why):
    with pytest.raises(InvalidSetting, match=why):
        find_source(None, contract, path, None)


def test_a_path_that_is_no_utf_8_is_rejected_before_anything_is_published(contract, tmp_path):
    table = tmp_path / os.fsdecode(b"donn\xe9es.csv")
    table.write_bytes(b"a,b\n1,2\n")
    with pytest.raises(InvalidSetting, match="not text in UTF-8") as rejected:
        find_source(None, contract, str(table), None)
    str(rejected.value).encode()


def test_a_memory_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "datasets.json").mkdir()
    with pytest.raises(InvalidSetting, match="Delete it"):
        Datasets(tmp_path).last("any")
