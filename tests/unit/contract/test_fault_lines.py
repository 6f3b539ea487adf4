"""The faults of a contract's file come all at once, each with its line."""

from __future__ import annotations

import pytest

from embedded.layout import PROJECT
from tabular.contract.file_faults.positions import lines_of
from tabular.contract.loading import load_contract
from tabular.errors import InvalidContract

TELECOM = (PROJECT / "contracts" / "telecom_churn.toml").read_text()


def faults_of(tmp_path, *changes: tuple[str, str]) -> tuple[str, str]:
    """What is said of the telecom contract with these changes, and its changed text."""
    text = TELECOM
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(InvalidContract) as raised:
        load_contract(file)
    return str(raised.value), text


def line(text: str, part: str) -> str:
    return f"line {text[: text.index(part)].count(chr(10)) + 1}: "


def test_faults_of_type_and_of_meaning_are_told_together_with_feature_and_line(tmp_path):
    told, text = faults_of(
        tmp_path,
        ("range = [0, 1200]", 'range = "0 to 1200"'),
        ("range = [0, 10000]", "range = [10000, 0]"),
        ('categories = ["no", "yes"]', 'colour = "red"\ncategories = ["no", "yes"]'),
        ("example = 180.0", "example = 99999999.0"),
    )
    assert line(text, 'range = "0 to') + "account_length: range: Expected" in told
    assert line(text, "colour") + "international_plan: colour: is no key of a contract here" in told
    kind = 'kind = "integer"\ndescription = "Voice mail'
    assert line(text, kind) + "number_vmail_messages: kind integer needs range" in told
    assert line(text, "example = 99999999") + "total_day_minutes: example" in told
    assert told.count("line ") == 4


def test_a_feature_without_a_usable_name_is_told_by_its_position_beside_the_others(tmp_path):
    told, text = faults_of(
        tmp_path,
        ('name = "state"', "name = 3"),
        ('name = "account_length"\n', ""),
        ("example = 180.0", "example = 9e7"),
    )
    assert line(text, "name = 3") + "features[0]: name: Expected `str`, got `int`" in told
    assert "features[1]: name: is missing" in told
    assert line(text, "example = 9e7") + "total_day_minutes: example" in told


def test_a_key_of_a_table_a_missing_key_and_a_slip_in_a_name_are_located(tmp_path):
    told, text = faults_of(tmp_path, ('task = "binary"', 'taks = "binary"'))
    assert line(text, "taks") + "table.taks: is no key of a contract here; did you mean task?" in told
    assert line(text, "[table]") + "table.task: is missing" in told


def test_a_fault_of_meaning_in_a_table_is_at_its_key(tmp_path):
    told, text = faults_of(tmp_path, ('positive = "yes"', 'positive = "maybe"'))
    assert line(text, "positive") + "target.positive: must be one of" in told


def test_a_file_that_is_no_toml_is_told_with_its_line(tmp_path):
    told, text = faults_of(tmp_path, ('task = "binary"', "task = binary"))
    assert f"at {line(text, 'task = binary')[:-2]}" in told


LINES = ['a = """', "b = 1", '"""', "[t]", "c = [", '  "d = 1",', '  "[x]",', "]", "e = 2 # f = 3"]
LISTS = ["[[g]]", '"h i" = 1', "[[g]]", "'j' = {k = 1}"]


def test_keys_within_texts_and_arrays_of_several_lines_are_no_keys():
    assert lines_of("\n".join([*LINES, *LISTS])) == {
        ("a",): 1,
        ("t",): 4,
        ("t", "c"): 5,
        ("t", "e"): 9,
        ("g", 0): 10,
        ("g", 0, "h i"): 11,
        ("g", 1): 12,
        ("g", 1, "j"): 13,
    }
