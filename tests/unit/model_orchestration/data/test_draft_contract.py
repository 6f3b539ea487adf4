"""`make contract`: from the file of a table to a contract file that trains as it stands."""

from __future__ import annotations

import pandas as pd
import pytest
from sklearn.datasets import load_iris

from embedded.layout import PROJECT
from model_orchestration.data.checks import check
from model_orchestration.data.draft_contract import main
from model_orchestration.data.split import split
from model_orchestration.evaluation.baselines import baselines
from model_orchestration.evaluation.evidence import Evidence
from model_orchestration.evaluation.gate import evaluate
from model_orchestration.evaluation.leaks.find import find_leaks
from model_orchestration.search.out_of_fold import MODEL, HeldOut
from tabular.contract.loading import load_contract
from tabular.data.reading import read_table
from tabular.data.synthetic import make_table
from tabular.data.table import clean, encode
from tabular.quality.metrics import metrics

TRIALS = 10
NAIVE_BAYES = "Naive_Bayes_Classifier"
OF_THE_CARD_USE = (
    "Avg_Open_To_Buy,Avg_Utilization_Ratio,Contacts_Count_12_mon,Months_Inactive_12_mon,Total_Amt_Chng_Q4_Q1,"
    "Total_Ct_Chng_Q4_Q1,Total_Trans_Amt,Total_Trans_Ct"
)
REAL = {
    "census": ("census.csv", "salary", "", 14, 25, 0.93),
    "telecom": ("telecom_churn.csv", "churn", "", 19, TRIALS, 0.89),
    "bank": ("BankChurners.csv", "Attrition_Flag", "", 19, TRIALS, 0.99),
    "bank, 11 features": ("BankChurners.csv", "Attrition_Flag", OF_THE_CARD_USE, 11, TRIALS, 0.79),
}
"""The file, the target, the columns that are dropped, the features, the trials, and the ROC-AUC to reach."""


@pytest.fixture
def telecom(tmp_path):
    """A synthetic table in a file."""
    file = tmp_path / "calls.csv"
    file.write_bytes(make_table(load_contract(PROJECT / "contracts" / "telecom_churn.toml"), 2_000, seed=3))
    return file


def trained(run_sweep, contract, body, count=TRIALS):
    """The test metrics and the gate's result of a small search on the table as it is."""
    check(contract, body).require()
    parts = split(clean(contract, read_table(body).cells), 42)
    trials = run_sweep(contract, parts, trials=count)
    best = min(trials, key=lambda trial: trial.loss)
    scores = best.scorer.many(encode(contract, parts.test.features))
    found = metrics(contract.table.task, parts.test.target.to_numpy(), scores)
    evidence = Evidence(
        contract=contract,
        split=parts,
        validation_scores=best.validation_scores,
        test_scores=scores,
        held_out=HeldOut(parts.test, {MODEL: scores, **baselines(contract, parts.train, parts.test)}, None),
        trials=[trial.params for trial in trials],
        leaks=find_leaks(contract, parts),
    )
    return found, evaluate(evidence)


def test_a_drafted_contract_trains_as_it_stands_and_its_model_passes_the_gate(telecom, tmp_path, run_sweep, capsys):
    out = tmp_path / "mine.toml"
    assert main(["--csv", str(telecom), "--target", "churn", "--out", str(out)]) == 0
    told = capsys.readouterr().out
    assert "binary, for churn has two values" in told
    assert f"make run CONTRACT={out} DATASET_CSV={telecom}" in told
    _, gate = trained(run_sweep, load_contract(out), telecom.read_bytes())
    assert gate.passed, gate.rejections


@pytest.mark.parametrize("name", REAL)
def test_a_draft_of_a_real_table_reaches_its_quality_and_passes_the_gate(real_tables, tmp_path, run_sweep, name):
    file, target, dropped, features, trials, least = REAL[name]
    out = tmp_path / "real.toml"
    arguments = ["--csv", str(real_tables / file), "--target", target, "--drop", dropped, "--out", str(out)]
    assert main(arguments) == 0
    contract = load_contract(out)
    assert len(contract.features) == features
    reached, gate = trained(run_sweep, contract, (real_tables / file).read_bytes(), trials)
    assert reached["roc_auc"] >= least
    assert gate.passed, gate.rejections


def test_a_draft_of_the_real_rides_reaches_its_quality_and_passes_the_gate(real_tables, tmp_path, run_sweep, capsys):
    file, out = real_tables / "green_tripdata.parquet", tmp_path / "rides.toml"
    between = "lpep_pickup_datetime,lpep_dropoff_datetime"
    assert main(["--csv", str(file), "--minutes_between", between, "--keep", "1,60", "--out", str(out)]) == 0
    contract = load_contract(out)
    assert [one.operation for one in contract.derived] == ["hour", "weekday"]
    assert [one.kind for one in contract.features].count("category") == 2, "zones are no amounts"
    assert contract.training.categories == "search"
    assert "known only when the target is" in capsys.readouterr().out
    reached, gate = trained(run_sweep, contract, file.read_bytes())
    assert reached["rmse"] <= 4.90
    assert gate.passed, gate.rejections


def test_what_is_asked_of_a_derived_target_is_checked(telecom, tmp_path, capsys):
    for given, why in (
        (["--minutes_between", "a"], "takes two columns"),
        (["--minutes_between", "a,b", "--keep", "60,1"], "such as keep=1,60; not 60,1"),
        (["--target", "churn", "--keep", "1,60"], "keep= is for minutes_between"),
        ([], "name the column to predict"),
    ):
        assert main(["--csv", str(telecom), "--out", str(tmp_path / "no.toml"), *given]) == 1
        assert why in capsys.readouterr().err


def test_the_columns_of_another_model_are_found_in_the_real_churn_table(real_tables, tmp_path, capsys):
    out = tmp_path / "churn.toml"
    assert main(["--csv", str(real_tables / "BankChurners.csv"), "--target", "Attrition_Flag", "--out", str(out)]) == 0
    contract, told = load_contract(out), capsys.readouterr().out
    assert len(contract.features) == 19
    assert contract.table.id_column == "CLIENTNUM"
    assert contract.table.missing_tokens == ("Unknown",)
    assert sum(name.startswith(NAIVE_BAYES) for name in contract.table.dropped_columns) == 2
    assert told.count("leak?") == 2


def test_iris_becomes_a_contract_of_three_classes_and_says_that_it_is_easy(tmp_path, capsys):
    iris, out, file = load_iris(as_frame=True), tmp_path / "iris.toml", tmp_path / "iris.csv"
    species = pd.Series(iris.target_names)[iris.target].to_numpy()
    iris.data.assign(species=species).to_csv(file, index=False)
    assert main(["--csv", str(file), "--target", "species", "--out", str(out)]) == 0
    contract, told = load_contract(out), capsys.readouterr().out
    assert contract.table.task == "multiclass"
    assert contract.target.classes == ("setosa", "versicolor", "virginica")
    assert [feature.name for feature in contract.features] == ["sepal_length_cm", "sepal_width_cm"]
    assert told.count("leak?    petal") == 2


def test_iris_with_what_is_known_before_the_outcome_passes_the_gate(tmp_path, run_sweep):
    iris, out, file = load_iris(as_frame=True), tmp_path / "iris.toml", tmp_path / "iris.csv"
    iris.data.assign(species=pd.Series(iris.target_names)[iris.target].to_numpy()).to_csv(file, index=False)
    known = "petal length (cm),petal width (cm)"
    assert main(["--csv", str(file), "--target", "species", "--known", known, "--out", str(out)]) == 0
    contract = load_contract(out)
    assert len(contract.features) == 4
    reached, gate = trained(run_sweep, contract, file.read_bytes())
    assert reached["roc_auc"] > 0.95
    assert gate.passed, gate.rejections


def test_a_file_is_not_overwritten_and_a_table_that_is_not_there_is_named(telecom, tmp_path, capsys):
    out = tmp_path / "mine.toml"
    out.write_text("precious")
    assert main(["--csv", str(telecom), "--target", "churn", "--out", str(out)]) == 1
    assert "already there, and is not overwritten" in capsys.readouterr().err
    assert out.read_text() == "precious"
    assert main(["--csv", str(tmp_path / "none.csv"), "--target", "churn", "--out", str(tmp_path / "new.toml")]) == 1
    assert "cannot be read: No such file" in capsys.readouterr().err


def test_a_wrong_target_or_positive_class_is_named_and_nothing_is_written(telecom, tmp_path, capsys):
    out = tmp_path / "mine.toml"
    assert main(["--csv", str(telecom), "--target", "churned", "--out", str(out)]) == 1
    assert "did you mean 'churn'?" in capsys.readouterr().err
    assert main(["--csv", str(telecom), "--target", "churn", "--positive", "left", "--out", str(out)]) == 1
    assert 'has no class "left"' in capsys.readouterr().err
    assert not out.exists()


def test_how_an_unusual_file_is_written_is_named_in_the_contract_that_reads_it_again(telecom, tmp_path, capsys):
    file, out = tmp_path / "calls.tsv", tmp_path / "mine.toml"
    file.write_bytes(telecom.read_bytes().replace(b",", b"\t"))
    assert main(["--csv", str(file), "--target", "churn", "--out", str(out)]) == 0
    assert "separated by a tab" in capsys.readouterr().out
    contract = load_contract(out)
    assert contract.source.separator == "\t"
    assert check(contract, file.read_bytes()).errors == ()
    assert main(["--csv", str(file), "--target", "churn", "--decimal", "x", "--out", str(tmp_path / "no.toml")]) == 1
    assert "decimal" in capsys.readouterr().err


def test_what_a_training_would_reject_is_said_at_once(tmp_path, capsys):
    file = tmp_path / "few.csv"
    file.write_text("size,bought\n" + "".join(f"{at % 7},{'yes' if at % 2 else 'no'}\n" for at in range(30)))
    assert main(["--csv", str(file), "--target", "bought", "--out", str(tmp_path / "few.toml")]) == 0
    assert "error    a training will reject the table: rows: are 30 (allowed: at least 100)" in capsys.readouterr().out
