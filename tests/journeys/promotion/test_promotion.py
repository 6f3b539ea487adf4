"""Promotions and rollbacks over a real registry and a real ledger: what moves, what is recorded, what is refused."""

from __future__ import annotations

import msgspec
import pytest

from tabular.errors import BrokenBundle, NotFound, Rejected, Unavailable
from tabular.ledger.live import champion_after
from tabular.ports.registry import BUNDLE, CHALLENGER, PREVIOUS
from tabular.promotion.challenger import challenge, drop_challenger
from tabular.promotion.champion import promote, roll_back
from tabular.promotion.parts import parts_of
from tabular.settings import with_values
from tabular.wiring import Wiring

ANN = "engineer ann"


@pytest.fixture
def wiring(mlflow_server, store, settings, contract, database):
    return Wiring(with_values(settings, model_name=database, mongo_database=database), contract)


@pytest.fixture
def parts(wiring):
    parts = parts_of(wiring)
    yield parts
    parts.ledger.close()


@pytest.fixture
def trained(parts, make_bundle, contract):
    """Makes a run with the bundle of a model, another for another seed."""

    def make(seed=0, **given):
        run_id = parts.registry.start_run(f"trial {seed}", {"data_sha256": f"data{seed}"})
        bundle = make_bundle(given.get("contract", contract), seed=seed, rows=400)
        for name in given.get("damage", ()):
            (bundle.folder / name).write_bytes(b"{}")
        parts.registry.put_folder(run_id, bundle.folder, BUNDLE)
        parts.registry.finish(run_id)
        return run_id

    return make


def aliases(parts):
    return {name: run for name in ("champion", CHALLENGER, PREVIOUS) if (run := parts.standing_on(name)) is not None}


def test_a_promotion_moves_the_aliases_and_is_on_record(parts, trained):
    first, second = trained(0), trained(1)
    promote(parts, first, "gate", "It passed, and there was no champion.")
    assert aliases(parts) == {"champion": first}
    challenge(parts, second, "gate", "It passed.")
    entry = promote(parts, second, ANN, "The branch manager agreed.", {"roc_auc": 0.9})
    assert aliases(parts) == {"champion": second, PREVIOUS: first}
    assert entry == parts.ledger.entries(kinds=("promoted",))[0]
    assert (entry.run_id, entry.who, entry.why) == (second, ANN, "The branch manager agreed.")
    assert entry.evidence["roc_auc"] == 0.9
    assert entry.evidence["replaced"] == first
    assert entry.evidence["data_version"] == "data1"
    assert entry.evidence["contract"] == parts.contract.digest
    assert [one.kind for one in parts.ledger.entries()] == ["promoted", "challenged", "promoted"]
    for tags in (parts.registry.run(second).tags, parts.registry.version_tags(second)):
        assert tags["promoted_by"] == ANN
        assert tags["promoted_why"] == "The branch manager agreed."
        assert tags["promoted_at"] == entry.at.isoformat(timespec="microseconds")


def test_a_rollback_restores_what_was_champion_before_once(parts, trained):
    first, second = trained(0), trained(1)
    for run in (first, second):
        promote(parts, run, "gate", "It passed.")
    entry = roll_back(parts, "shadow", "It is worse than the model before.", {"gain": -0.1})
    assert aliases(parts) == {"champion": first}
    assert (entry.kind, entry.run_id, champion_after(entry)) == ("rolled_back", second, first)
    assert entry.evidence["data_version"] == "data0"
    assert parts.registry.version_tags(second)["rolled_back_by"] == "shadow"
    with pytest.raises(Rejected, match=f"no run of {parts.table} is known that was champion before {first}"):
        roll_back(parts, ANN, "Once more.")
    assert aliases(parts) == {"champion": first}


def test_a_rollback_without_a_champion_is_not_found(parts):
    with pytest.raises(NotFound, match="champion"):
        roll_back(parts, ANN, "Why not?")


@pytest.mark.parametrize("damage", ["golden.json", "model.ubj"])
def test_a_damaged_bundle_is_refused_and_nothing_changes(parts, trained, damage):
    first, broken = trained(0), trained(1, damage=(damage,))
    promote(parts, first, "gate", "It passed.")
    with pytest.raises(BrokenBundle):
        promote(parts, broken, ANN, "It looked good.")
    assert aliases(parts) == {"champion": first}
    assert len(parts.ledger.entries()) == 1
    assert parts.registry.version_tags(broken) == {}


def test_a_run_of_another_table_or_contract_is_refused_by_what_differs(parts, trained, contract, tiny_contract):
    with pytest.raises(Rejected, match="it is a model of the table tiny"):
        promote(parts, trained(1, contract=tiny_contract()), ANN, "It looked good.")
    lacks = msgspec.structs.replace(contract, features=contract.features[1:])
    name = contract.features[0].name
    with pytest.raises(Rejected, match=f"it does not know {name}"):
        promote(parts, trained(2, contract=lacks), ANN, "It looked good.")
    other = msgspec.structs.replace(
        contract, target=msgspec.structs.replace(contract.target, positive=contract.target.classes[0])
    )
    with pytest.raises(Rejected, match="it predicts that"):
        promote(parts, trained(3, contract=other), ANN, "It looked good.")
    assert parts.ledger.entries() == []


def test_the_ledger_must_respond_before_anything_changes(parts, trained, wiring):
    first, second = trained(0), trained(1)
    promote(parts, first, "gate", "It passed.")
    down = Wiring(
        with_values(wiring.settings, mongo_uri="mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=100"), wiring.contract
    )
    with pytest.raises(Unavailable):
        promote(parts_of(down), second, ANN, "It is better.")
    assert aliases(parts) == {"champion": first}


def test_a_decision_about_another_champion_is_refused(parts, trained):
    first, second, third = (trained(seed) for seed in range(3))
    promote(parts, first, "gate", "It passed.")
    promote(parts, second, ANN, "By hand meanwhile.", instead_of=first)
    with pytest.raises(Rejected, match=f"the champion is {second} by now, and the decision was about {first}"):
        promote(parts, third, "shadow", "It is better.", instead_of=first)
    with pytest.raises(Rejected, match="is the champion of"):
        promote(parts, second, ANN, "Again.")


def test_a_promotion_that_was_cut_short_before_its_entry_is_entered_when_it_is_done_again(parts, trained):
    first, second = trained(0), trained(1)
    promote(parts, first, "gate", "It passed.")
    parts.registry.register(second, "champion", {})  # the store went down here
    promote(parts, second, ANN, "It is better.")
    assert [(one.run_id, one.who) for one in parts.ledger.entries()] == [(second, ANN), (first, "gate")]


def test_a_challenger_is_entered_once_and_dropped_for_a_newer_one(parts, trained):
    first, second, third = (trained(seed) for seed in range(3))
    promote(parts, first, "gate", "It passed.")
    assert challenge(parts, second, "gate", "It passed.") is not None
    assert challenge(parts, second, "gate", "It passed.") is None
    challenge(parts, third, "gate", "It passed.")
    assert aliases(parts) == {"champion": first, CHALLENGER: third}
    drop_challenger(parts, third, "shadow", "It is worse.", {"gain": -0.2})
    assert aliases(parts) == {"champion": first}
    told = [(one.kind, one.run_id) for one in parts.ledger.entries()]
    assert told == [
        ("dropped", third),
        ("challenged", third),
        ("dropped", second),
        ("challenged", second),
        ("promoted", first),
    ]


@pytest.mark.parametrize("given", [("", "why"), ("ann", " ")])
def test_a_decision_names_who_took_it_and_why(parts, given):
    with pytest.raises(ValueError, match="who took it and why"):
        promote(parts, "0" * 32, *given)
