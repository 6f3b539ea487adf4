"""With `calibrated` every score is a calibrated probability, the same bits in training and at every source."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from model_orchestration.data.split import split
from model_orchestration.search.candidate import bundler, search_data
from model_orchestration.search.families.fit import Fit
from model_orchestration.search.trial import objective
from server.scoring.explanations import explanations
from server.scoring.model import ready_model
from tabular.contract.training import Training
from tabular.data.reading import read_table
from tabular.data.synthetic import make_table
from tabular.data.table import clean, encode, public_records
from tabular.errors import InvalidContract
from tabular.model.bundle import REFERENCE_SCORE, probability_columns, read_bundle, write_bundle
from tabular.model.calibration import Calibration, Curve
from tests.optional import skip_without_lightgbm
from tests.unit.server.sources import SOURCES, alone, on_stream

FAMILIES = ("xgboost", "forest", "linear", "lightgbm")


@pytest.fixture(scope="module", params=FAMILIES)
def family(request):
    if request.param == "lightgbm":
        skip_without_lightgbm()
    return request.param


@pytest.fixture(scope="module", params=["binary", "multiclass"])
def trained(request, family, tiny_contract, tmp_path_factory):
    """The bundle of a leaning model as its contract serves it, the raw trial's, and their test part."""
    plain = tiny_contract(request.param)
    contract = msgspec.structs.replace(plain, training=Training(calibrated=True))
    parts = split(clean(plain, read_table(make_table(plain, 3_000, seed=1)).cells), 42)
    proposal = {"family": family} | {name: low for name, (low, _) in Training().ranges(family).items()}
    trial = Fit(search_data(plain, parts), objective(plain), 42, Training(trees=20))(0, proposal)
    trial = leaning(trial)
    made = [bundler(one, parts, 42).write(trial, tmp_path_factory.mktemp("bundle"), {}) for one in (contract, plain)]
    return *made, parts, trial


def leaning(trial):
    """The same trial with validation scores that lean to the last class, so that there is what to calibrate."""
    scores = trial.validation_scores.astype(np.float64)
    odds = np.stack([1 - scores, scores], axis=1) if scores.ndim == 1 else scores
    bold = odds * ([1.0] * (odds.shape[1] - 1) + [5.0])
    bold = bold / bold.sum(axis=1, keepdims=True)
    return replace(trial, validation_scores=(bold[:, 1] if scores.ndim == 1 else bold).astype(np.float32))


@pytest.mark.parametrize("score", SOURCES)
def test_every_source_scores_calibrated_as_training_does(trained, score):
    bundle, plain, parts, _ = trained
    rows = encode(bundle.contract, parts.test.features)
    expected = bundle.calibration.many(plain.predict(rows)).astype(np.float32)
    assert bundle.calibration.method != "none"
    assert np.abs(expected - plain.predict(rows)).max() > 0.01
    scores = score(ready_model("r" * 32, bundle), public_records(bundle.contract, parts.test.features))
    is_whole = expected.ndim == 1 or score not in {alone, on_stream}
    assert scores == (expected if is_whole else expected.max(axis=1)).tolist()


def test_the_probabilities_of_every_class_are_calibrated_too(trained):
    bundle, _, parts, _ = trained
    model, records = ready_model("r" * 32, bundle), public_records(bundle.contract, parts.test.features)[:50]
    rows = [bundle.codec.parse(record) for record in records]
    made = model.rows(rows, [""] * len(rows), "stream")
    singly = [model.one(row, "", "api") for row in rows]
    assert [one.probabilities for one in made] == [one.probabilities for one in singly]
    assert [one.predicted_class for one in made] == [one.predicted_class for one in singly]
    if bundle.contract.table.task == "multiclass":
        assert all(sum(one.probabilities.values()) == pytest.approx(1, abs=1e-6) for one in made)


def test_golden_records_and_the_reference_hold_calibrated_scores(trained):
    bundle, plain, _, trial = trained
    read_bundle(bundle.folder).verify()
    assert [one.scores for one in bundle.golden] != [one.scores for one in plain.golden]
    columns = list(probability_columns(bundle.contract)) or [REFERENCE_SCORE]
    held = bundle.calibration.many(trial.validation_scores).astype(np.float32).reshape(-1, len(columns))
    np.testing.assert_array_equal(bundle.reference()[columns].to_numpy(np.float32), held)


def test_without_the_key_scores_stay_the_model_s_and_the_bundle_has_the_same_calibration(trained):
    bundle, plain, parts, trial = trained
    rows = encode(plain.contract, parts.test.features)
    np.testing.assert_array_equal(plain.predict(rows), trial.scorer.many(rows))
    assert plain.calibration == bundle.calibration
    np.testing.assert_array_equal(plain.probabilities(plain.predict(rows)), plain.calibration.many(plain.predict(rows)))
    np.testing.assert_array_equal(bundle.probabilities(bundle.predict(rows)), bundle.predict(rows))


def test_explanations_are_of_the_model_before_its_scores_are_calibrated(trained):
    bundle, plain, parts, _ = trained
    rows = encode(bundle.contract, parts.test.features)[:20]
    model, raw = ready_model("r" * 32, bundle), ready_model("r" * 32, plain)
    if bundle.contract.table.task == "binary":
        assert explanations(model, rows) == explanations(raw, rows)
    records = public_records(bundle.contract, parts.test.features)[:20]
    made = model.rows([bundle.codec.parse(record) for record in records], [""] * 20, "api")
    winners = [one.predicted_class for one in made]
    bases = bundle.scorer.explain(rows).base
    for at, why in enumerate(explanations(model, rows)):
        code = list(bundle.contract.target.classes).index(winners[at]) if winners[at] else 0
        assert why["base"] == bases[at, code]


def test_a_regression_cannot_be_calibrated(tiny_contract):
    with pytest.raises(InvalidContract, match=r"training\.calibrated: .* a regression has none"):
        tiny_contract("regression", lambda file: file.update(training={"calibrated": True}))


def test_no_bundle_is_written_with_a_calibration_of_another_task(trained, tmp_path):
    bundle, plain, _, trial = trained
    other = 3 if bundle.contract.table.task == "binary" else 1
    wrong = Calibration("platt", (Curve((0.0, 1.0), (0.1, 0.9)),) * other)
    records = [one.record for one in plain.golden]
    with pytest.raises(ValueError, match=f"has {other} curves"):
        write_bundle(tmp_path, plain.contract, trial.scorer, plain.reference(), {}, records, {}, calibration=wrong)
