"""Versions are found by name or digits, listed, compared, and given back byte for byte."""

from __future__ import annotations

import uuid

import msgspec
import pytest

from model_orchestration.data import version_commands
from model_orchestration.data.versions import differences, table_of
from tabular.data import feature_store
from tabular.data.synthetic import make_table
from tabular.data.versions.naming import find, give_name
from tabular.errors import NotFound, Rejected
from tabular.wiring import Wiring


@pytest.fixture(scope="module")
def wiring(ministack, settings, contract):
    wiring = Wiring(msgspec.structs.replace(settings, s3_bucket=f"b-{uuid.uuid4()}"), contract)
    wiring.objects().ensure_bucket()
    return wiring


@pytest.fixture(scope="module")
def objects(wiring):
    return wiring.objects()


@pytest.fixture(scope="module")
def both(objects, contract):
    """A table, and one with another credit limit in thousands and a row less."""
    body = make_table(contract, 600, seed=1)
    header, *rows = body.decode().splitlines()
    at = header.split(",").index("Credit_Limit")
    changed = [",".join([*cells[:at], "2000", *cells[at + 1 :]]) for cells in (row.split(",") for row in rows[1:])]
    other = "\n".join([header, *changed, ""]).encode()
    return [feature_store.publish(objects, contract, each, name) for each, name in ((body, "a.csv"), (other, "b.csv"))]


def test_a_version_is_found_by_its_digits_its_name_and_as_current(objects, contract, both):
    first, second = both
    give_name(objects, contract, "may", first)
    for wanted, version in (("may", first), (first.sha256[:6], first), (second.sha256, second), ("current", second)):
        assert find(objects, contract, wanted).sha256 == version.sha256
    give_name(objects, contract, "may", second)
    assert find(objects, contract, "may").sha256 == second.sha256
    with pytest.raises(NotFound, match="was accepted yet"):
        find(objects, contract, "accepted")
    feature_store.mark_accepted(objects, contract, first.sha256)
    assert find(objects, contract, "accepted").sha256 == first.sha256


def test_what_is_not_there_is_said(objects, contract, both):
    for wanted, why in (("june", "has the name 'june'"), ("f" * 64, "has no version")):
        with pytest.raises(NotFound, match=why):
            find(objects, contract, wanted)


@pytest.mark.parametrize("name", ["", "current", "accepted", "abcdef", "a/b", "x" * 65, "..", "a b"])
def test_a_name_that_could_be_something_else_is_rejected(objects, contract, both, name):
    with pytest.raises(Rejected, match="cannot be the name"):
        give_name(objects, contract, name, both[0])


def test_versions_are_listed_newest_first_with_their_names(objects, contract, both):
    give_name(objects, contract, "may", both[0])
    newest, oldest = table_of(objects, contract)
    assert newest.startswith(both[1].sha256[:12])
    assert "599 rows" in newest
    assert "current" in newest
    assert oldest.startswith(both[0].sha256[:12])
    assert "may" in oldest
    assert oldest.endswith("a.csv")


def test_two_versions_are_compared_in_rows_columns_target_and_features(objects, contract, both):
    found = differences(objects, contract, *both)
    assert found[:2] == [("rows", "600 -> 599"), ("columns", f"the same {len(both[0].columns)}")]
    assert [word for word, _ in found].count("target") == 2
    features = [text for word, text in found if word == "feature"]
    assert len(features) == len(contract.features)
    assert [text for text in features if "DRIFTED" in text] == [text for text in features if "credit_limit" in text]


def test_the_table_is_the_one_that_is_named(monkeypatch, capsys):
    monkeypatch.setenv("TABLES", "iris,taxi_rides")
    for command in (["list"], ["diff", "a", "b"], ["checkout", "a", "b"], ["name", "a", "b"]):
        assert version_commands.main([*command, "--table", "telecom_churn"]) == 1
        assert "has no table 'telecom_churn'. Its tables are iris, taxi_rides" in capsys.readouterr().err


def test_a_checked_out_version_has_the_bytes_that_came(wiring, objects, contract, both, tmp_path, capsys):
    out = tmp_path / "new" / "table.csv"
    assert version_commands.main(["checkout", both[0].sha256[:8], str(out)], wiring) == 0
    assert out.read_bytes() == feature_store.fetch(objects, contract, both[0].sha256)
    assert version_commands.main(["name", "current", "may"], wiring) == 0
    assert version_commands.main(["list"], wiring) == 0
    assert "may" in capsys.readouterr().out
    assert version_commands.main(["diff", "june", "current"], wiring) == 1
    assert "make data-versions" in capsys.readouterr().err
