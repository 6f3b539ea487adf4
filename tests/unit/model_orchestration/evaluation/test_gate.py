"""Every rejection of the gate, each with a planted fault; and a sound model, which passes."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from model_orchestration.data.split import Split, split
from model_orchestration.evaluation import gate
from model_orchestration.evaluation.baselines import baselines
from model_orchestration.evaluation.comparison import compare
from model_orchestration.evaluation.evidence import Evidence, SliceDifference
from model_orchestration.evaluation.gate import evaluate
from model_orchestration.evaluation.leaks.checks import no_copied_rows
from model_orchestration.evaluation.leaks.find import find_leaks
from model_orchestration.evaluation.leaks.findings import LeakReport
from model_orchestration.evaluation.probes import identical_rows
from model_orchestration.search.out_of_fold import MODEL, HeldOut
from tabular.contract.training import Training
from tabular.data.reading import read_table
from tabular.data.synthetic import make_table
from tabular.data.table import CleanTable, clean, encode
from tabular.model.scorer import Scores

UNMEASURED = LeakReport("roc_auc", 0.5, 0.0, 0, ())


def evidence_of(trained) -> Evidence:
    parts = trained.parts
    return Evidence(
        contract=trained.contract,
        split=parts,
        validation_scores=trained.best.validation_scores,
        test_scores=trained.test_scores,
        held_out=HeldOut(
            parts.test, {MODEL: trained.test_scores, **baselines(trained.contract, parts.train, parts.test)}, None
        ),
        trials=[trial.params for trial in trained.trials],
        leaks=find_leaks(trained.contract, parts),
    )


def scoring(evidence: Evidence, scores: Scores) -> Evidence:
    """The same evidence of a model with these scores on test."""
    held_out = replace(evidence.held_out, scores={**evidence.held_out.scores, MODEL: scores})
    return replace(evidence, test_scores=scores, held_out=held_out)


@pytest.fixture(scope="session")
def sound(trained) -> Evidence:
    return evidence_of(trained)


def rejections(evidence: Evidence) -> dict[str, str]:
    return {rejection.name: rejection.why for rejection in evaluate(evidence).rejections}


def test_a_sound_model_of_any_task_passes(trained_for_task):
    report = evaluate(evidence_of(trained_for_task))
    assert report.passed, report


def test_a_sound_churn_model_passes(sound):
    assert evaluate(sound).passed


def test_a_constant_model_is_rejected(sound):
    why = rejections(replace(sound, test_scores=np.full_like(sound.test_scores, 0.16)))
    assert "same score" in why["not_constant"]


@pytest.mark.parametrize("bad", [1.2, -0.1, np.nan])
def test_scores_that_are_no_probabilities_are_rejected(sound, bad):
    scores = sound.test_scores.copy()
    scores[3] = bad
    assert list(rejections(replace(sound, test_scores=scores))) == ["scores_in_range"]


def test_margins_instead_of_probabilities_are_rejected(sound):
    margins = np.log(sound.test_scores / (1 - sound.test_scores))
    assert "scores_in_range" in rejections(replace(sound, test_scores=margins))


def test_an_inverted_model_is_rejected(sound):
    why = rejections(replace(sound, test_scores=1 - sound.test_scores, validation_scores=1 - sound.validation_scores))
    assert repr(sound.contract.target.positive) in why["polarity"]


def test_a_target_encoded_upside_down_is_rejected_though_the_model_fits_it(sound, trained, run_sweep):
    def inverted(table: CleanTable) -> CleanTable:
        return CleanTable(table.features, 1 - table.target, table.raw_target)

    parts = Split(*(inverted(part) for part in (trained.parts.train, trained.parts.validation, trained.parts.test)))
    best = min(run_sweep(trained.contract, parts, trials=4), key=lambda trial: trial.loss)
    scores = best.scorer.many(encode(trained.contract, parts.test.features))
    assert roc_auc_score(parts.test.target, scores) > 0.6  # by its own encoding it is a fine model
    assert "polarity" in rejections(replace(sound, split=parts, test_scores=scores))


def test_a_leak_is_rejected_and_the_feature_named(sound, trained, run_sweep):
    """One numeric feature is made of the answer and a little noise."""
    leaky = next(feature.name for feature in trained.contract.features if feature.kind == "number")

    def leaking(table: CleanTable) -> CleanTable:
        telling = table.target * 10 + np.random.default_rng(0).random(len(table))
        return CleanTable(table.features.assign(**{leaky: telling}), table.target, table.raw_target)

    parts = Split(*(leaking(part) for part in (trained.parts.train, trained.parts.validation, trained.parts.test)))
    best = min(run_sweep(trained.contract, parts, trials=2), key=lambda trial: trial.loss)
    scores = best.scorer.many(encode(trained.contract, parts.test.features))
    found = {"leaks": find_leaks(trained.contract, parts), "validation_scores": best.validation_scores}
    why = rejections(replace(sound, split=parts, test_scores=scores, **found))
    assert f"alone the best features reach {leaky} 1.0000" in why["no_leak"]
    assert f"{leaky} alone reaches ROC-AUC 1" in why["no_leaking_feature"]


def test_a_model_too_good_by_several_features_together_blames_no_single_one(sound):
    target = sound.split.test.target.to_numpy()
    why = rejections(
        replace(sound, test_scores=0.1 + 0.8 * target + 1e-3 * np.random.default_rng(0).random(len(target)))
    )
    assert "above 0.999; alone the best features reach " in why["no_leak"]
    assert "no_leaking_feature" not in why


def test_scores_that_are_no_scores_are_called_what_they_are(trained_for_task):
    sound = evidence_of(trained_for_task)
    scores = sound.test_scores.copy()
    scores[3] = np.nan
    why = rejections(replace(sound, test_scores=scores))["scores_in_range"]
    assert ("finite numbers" in why) == (sound.contract.table.task == "regression")
    if scores.ndim == 2:
        halved = rejections(replace(sound, test_scores=sound.test_scores / 2))["scores_in_range"]
        assert halved.endswith("do not sum to 1, such as 0.5")


def test_a_class_too_rare_to_tell_is_no_inversion(sound):
    """Means that differ by less than chance explains say nothing about which class is encoded as 1."""
    from model_orchestration.evaluation.score_checks import polarity

    flat = np.random.default_rng(3).random(len(sound.test_scores))
    for seed in range(20):
        flat = np.random.default_rng(seed).random(len(sound.test_scores))
        if polarity(replace(sound, test_scores=flat)) is None:
            continue
        positive = sound.split.test.target.to_numpy() == 1
        gap = flat[~positive].mean() - flat[positive].mean()
        assert gap > 2 * flat.std() * np.sqrt(1 / positive.sum() + 1 / (~positive).sum())


def test_parts_that_share_rows_are_rejected_with_the_rows(sound):
    first = sound.split.train.take(np.arange(3))
    test = CleanTable(
        pd.concat([first.features, sound.split.test.features.iloc[3:]]),
        pd.concat([first.target, sound.split.test.target.iloc[3:]]),
        pd.concat([first.raw_target, sound.split.test.raw_target.iloc[3:]]),
    )
    why = rejections(replace(sound, split=replace(sound.split, test=test)))["parts_share_no_row"]
    assert why.startswith("3 rows are both in train and in test")
    assert str(first.features.index[0] + 1) in why


def test_twins_of_equal_content_are_a_note_and_no_rejection(sound):
    test, train = sound.split.test, sound.split.train
    features = test.features.copy()
    features.iloc[:2] = train.features.iloc[:2].to_numpy()
    target = test.target.copy()
    target.iloc[:2] = train.target.iloc[:2].to_numpy()
    twins = replace(sound, split=replace(sound.split, test=CleanTable(features, target, test.raw_target)))
    report = evaluate(twins)
    assert "parts_share_no_row" not in rejections(twins)
    assert any(note.startswith("2 test rows have a twin") for note in report.notes)


def test_a_validation_part_that_was_trained_on_is_rejected(sound, trained):
    """The split is sound by its rows, but the scores on validation are those of a model that has seen it."""
    seen = Split(trained.parts.validation, trained.parts.validation, trained.parts.test)
    deep = {"learning_rate": 0.3, "max_depth": 10, "min_child_weight": 0.1}
    from model_orchestration.search.candidate import search_data
    from model_orchestration.search.families.fit import Fit
    from model_orchestration.search.trial import objective

    memorised = Fit(search_data(trained.contract, seen), objective(trained.contract), 0)(0, deep)
    scores = memorised.scorer.many(encode(trained.contract, trained.parts.test.features))
    why = rejections(replace(sound, validation_scores=memorised.validation_scores, test_scores=scores))
    assert "standard errors apart" in why["validation_like_test"]


def test_the_gap_that_chance_explains_is_no_rejection(contract):
    """Twenty splits of one table: not one is rejected for being unlucky."""
    from model_orchestration.search.candidate import search_data
    from model_orchestration.search.families.fit import Fit
    from model_orchestration.search.trial import objective
    from tabular.data.reading import read_table
    from tabular.data.synthetic import make_table
    from tabular.data.table import clean

    table = clean(contract, read_table(make_table(contract, 1_500, seed=2)).cells)
    params = {"learning_rate": 0.1, "max_depth": 3}
    for seed in range(20):
        parts = split(table, seed)
        trial = Fit(search_data(contract, parts), objective(contract), 0)(0, params)
        scores = trial.scorer.many(encode(contract, parts.test.features))
        held_out = HeldOut(parts.test, {MODEL: scores}, None)
        evidence = Evidence(contract, parts, trial.validation_scores, scores, held_out, [], UNMEASURED)
        assert gate.validation_like_test(evidence) is None


def test_a_collapsed_search_dimension_is_rejected_by_name(sound):
    trials = [{**params, "learning_rate": 0.0} for params in sound.trials]
    assert "learning_rate = 0.0" in rejections(replace(sound, trials=trials))["search_was_wide"]


def test_a_collapsed_dimension_of_one_family_among_several_is_found_and_a_fixed_one_is_none(sound):
    linear = [{"family": "linear", "l2_penalty": 1.0}] * 5
    trials = [*sound.trials, *linear]
    assert "l2_penalty = 1.0" in rejections(replace(sound, trials=trials))["search_was_wide"]
    fixed = msgspec.structs.replace(sound.contract, training=Training(linear={"l2_penalty": (1.0, 1.0)}))
    assert "search_was_wide" not in rejections(replace(sound, trials=trials, contract=fixed))


def test_one_way_of_taking_categories_in_all_trials_is_no_collapsed_dimension(sound):
    trials = [{**params, "categories": "native"} for params in sound.trials]
    assert "search_was_wide" not in rejections(replace(sound, trials=trials))


def test_a_slice_that_is_certainly_worse_than_the_champion_rejects_and_an_uncertain_one_does_not(sound):
    certain = SliceDifference("a feature", "a value", 300, ours=0.5, theirs=0.4, gain=-0.1, low=-0.2, high=-0.01)
    uncertain = msgspec.structs.replace(certain, high=0.01)
    why = rejections(replace(sound, slices_against_champion=[certain]))["no_slice_worse_than_champion"]
    assert "a feature = a value (300 rows): loss 0.5 against 0.4" in why
    assert evaluate(replace(sound, slices_against_champion=[uncertain])).passed


def test_a_model_no_better_than_a_constant_is_rejected(sound, trained):
    share = trained.parts.train.target.mean()
    noise = share + np.random.default_rng(0).normal(0, 0.01, len(trained.parts.test))
    assert "better_than_baselines" in rejections(scoring(sound, noise))


def test_a_model_that_a_linear_one_beats_is_rejected(sound):
    linear = sound.held_out.scores["a linear model"]
    noise = np.random.default_rng(0).random(len(linear))
    alone = HeldOut(sound.held_out.rows, {"a linear model": linear}, None)
    why = rejections(scoring(replace(sound, held_out=alone), linear * 0.6 + noise * 0.4))
    assert why["better_than_baselines"].startswith("worse than a linear model on the same rows: ")


def test_a_tie_with_a_linear_model_is_a_note_and_no_rejection(sound):
    linear = sound.held_out.scores["a linear model"]
    for tied in (linear, linear * 0.98 + 0.001):
        report = evaluate(scoring(sound, tied))
        assert report.passed, report
        assert any(note.startswith("not significantly better than a linear model: loss ") for note in report.notes)


def test_more_trials_are_asked_for_only_where_the_search_was_short(sound):
    noise = np.random.default_rng(0).random(len(sound.test_scores))
    for trials, is_short in ((sound.trials, True), ([*sound.trials] * 10, False)):
        (rejection,) = (
            one
            for one in evaluate(replace(scoring(sound, noise), trials=trials)).rejections
            if one.name == "better_than_baselines"
        )
        assert ("run more trials" in rejection.remedy) == is_short
        assert str(len(trials)) in rejection.remedy


def against(sound: Evidence, trained, ours: Scores, theirs: Scores) -> Evidence:
    target = trained.parts.test.target.to_numpy()
    return replace(sound, test_scores=ours, against_champion=compare("binary", target, ours, theirs))


def test_a_model_worse_than_the_champion_is_rejected(sound, trained):
    worse = sound.test_scores * 0.7 + np.random.default_rng(0).random(len(sound.test_scores)) * 0.3
    why = rejections(against(sound, trained, worse, sound.test_scores))
    assert "against the champion's" in why["no_worse_than_champion"]


def test_a_model_as_good_as_the_champion_passes(sound, trained):
    trembling = np.clip(sound.test_scores + np.random.default_rng(0).normal(0, 0.002, len(sound.test_scores)), 0, 1)
    assert evaluate(against(sound, trained, trembling, sound.test_scores)).passed


def test_a_model_that_is_far_better_on_random_rows_than_on_future_ones_is_rejected(sound):
    held_out = sound.held_out
    known = HeldOut(held_out.rows, {MODEL: held_out.target * 0.9 + 0.05}, None)
    assert rejections(replace(sound, on_random_rows=known))["forward_like_random"].startswith(
        "roc_auc 1 on random rows"
    )
    assert "forward_like_random" not in rejections(replace(sound, on_random_rows=held_out))


def test_every_check_can_reject():
    """The checks run are the checks tested here."""
    source = open(__file__).read()  # noqa: SIM115, PTH123
    assert all(f'"{check.__name__}"' in source for check in (*gate.FIRST, *gate.THEN, *gate.HOLDING))


def test_copies_of_training_rows_are_rejected_and_coincidences_are_not(sound, contract):
    """709 rows of 10,000 stand twice, with new ids; of coarse rows many are equal and none is a copy."""
    body = make_table(contract, 10_000, seed=3)
    table = clean(contract, read_table(body).cells)
    assert no_copied_rows(replace(sound, split=split(table, 42))) is None
    rows = np.r_[np.arange(10_000), np.random.default_rng(0).choice(10_000, 709, replace=False)]
    doubled = table.take(rows)
    columns = (doubled.features, doubled.target, doubled.raw_target)
    parts = split(CleanTable(*(column.reset_index(drop=True) for column in columns)), 42)
    rejection = no_copied_rows(replace(sound, split=parts))
    assert rejection.name == "no_copied_rows"
    assert "are copies of training rows" in rejection.why
    assert "group_column" in rejection.remedy


def test_equal_rows_of_a_coarse_table_are_no_copies(sound, tiny_contract):
    contract = tiny_contract("binary")
    table = clean(contract, read_table(make_table(contract, 3_000, seed=3)).cells)
    coarse = CleanTable(table.features.assign(weight=0.5), table.target, table.raw_target)
    parts = split(coarse, 42)
    assert identical_rows(parts) > 0.5 * len(parts.test)
    assert no_copied_rows(replace(sound, contract=contract, split=parts)) is None


def test_ten_positives_in_ten_thousand_rows_hold_promotion(sound):
    """However they are measured: two of them are test rows, and cross-validation counts each of the ten once."""
    held_out = sound.held_out
    rows = np.r_[np.flatnonzero(held_out.target == 0), np.flatnonzero(held_out.target == 1)[:10]]
    for repeats, folds, measured_on in ((1, 0, "test rows"), (2, 5, "rows, all cross-validated,")):
        kept = np.tile(rows, repeats)
        scores = {name: column[kept] for name, column in held_out.scores.items()}
        (hold,) = evaluate(replace(sound, held_out=HeldOut(held_out.rows.take(kept), scores, kept, folds))).holds
        assert hold.name == "enough_of_each_class"
        assert f"of {len(rows)} {measured_on} only 10 of the class 'Attrited Customer', where 20 are needed" in hold.why
        assert 'ACCEPT="reason"' in hold.remedy
    assert not evaluate(sound).holds


def test_another_target_than_the_champion_s_holds_promotion(sound):
    (hold,) = evaluate(replace(sound, other_target="the champion predicts something else")).holds
    assert (hold.name, hold.why) == ("same_target", "the champion predicts something else")


def test_what_the_parts_alone_show_is_checked_by_the_gate():
    """Each has tests of its own: test_identifiers.py, test_near_duplicates.py."""
    assert {"no_telling_identifier", "no_near_duplicates"} <= {check.__name__ for check in gate.THEN}
