"""Preparing AWS: bucket, streams and table in one command that may be repeated."""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import uuid

import pandas as pd
import pytest

from embedded.layout import PROJECT
from tabular.contract.loading import load_contract
from tabular.data import feature_store
from tabular.data.reading import read_table
from tabular.data.synthetic import make_table
from tabular.data.table import clean
from tabular.settings import Settings
from tabular.wiring import Wiring

TELECOM = PROJECT / "contracts" / "telecom_churn.toml"


@pytest.fixture
def init_aws(ministack, tmp_path):
    """Runs the command in an empty folder with a bucket and streams of its own; more settings as keywords."""
    name = uuid.uuid4().hex[:8]
    environ = {key: value for key, value in os.environ.items() if key != "DATASET_CSV"} | {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{ministack.port}",
        "CONTRACT": str(TELECOM),
        "S3_BUCKET": f"init-{name}",
        "STREAM_PREDICTIONS": f"predictions-{name}",
        "STREAM_RESULTS": f"results-{name}",
        "STREAM_DEAD_LETTERS": f"dead-letters-{name}",
        "STREAM_LABELS": f"labels-{name}",
        "STREAM_SHARDS": "1",
    }

    def run(**settings):
        command = [sys.executable, "-m", "model_orchestration.init_aws"]
        return subprocess.run(
            command, env=environ | settings, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )

    run.objects = Wiring(
        Settings(s3_bucket=environ["S3_BUCKET"], aws_endpoint_url=environ["AWS_ENDPOINT_URL"])
    ).objects()
    return run


@pytest.fixture(scope="module")
def telecom():
    return load_contract(TELECOM)


def test_without_a_table_a_synthetic_one_is_made_and_said_so_and_a_repeat_changes_nothing(init_aws, telecom):
    first, again = init_aws(), init_aws()
    assert first.returncode == again.returncode == 0, first.stderr + again.stderr
    assert "telecom_churn: 10,000 rows, SYNTHETIC" in first.stdout
    assert "put the real table at data/telecom_churn.csv or set DATASET_CSV" in first.stdout
    assert first.stdout.count("created, 1 shards") == 4
    assert again.stdout.count("already there") == 5
    (version,) = feature_store.versions(init_aws.objects, telecom)
    assert version.synthetic
    assert f"{version.sha256} (new)" in first.stdout


def test_the_contract_s_file_in_the_data_folder_is_used_without_being_asked_for(init_aws, telecom, tmp_path):
    body = make_table(telecom, 300, seed=5)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "telecom_churn.csv").write_bytes(body)
    done = init_aws()
    assert "300 rows, real, from telecom_churn.csv" in done.stdout
    version = feature_store.latest(init_aws.objects, telecom)
    assert version.sha256 == hashlib.sha256(body).hexdigest()
    assert not version.synthetic


def test_an_altered_copy_of_the_public_table_is_a_warning(init_aws, telecom, tmp_path):
    (tmp_path / "copy.csv").write_bytes(make_table(telecom, 300, seed=5))
    done = init_aws(DATASET_CSV="copy.csv")
    assert done.returncode == 0, done.stderr
    assert "warning  copy.csv is not the public file the contract knows" in done.stdout


def test_the_public_table_itself_gives_no_warning(init_aws, telecom, real_tables):
    done = init_aws(DATASET_CSV=str(real_tables / "telecom_churn.csv"))
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stdout
    assert feature_store.latest(init_aws.objects, telecom).pristine


def test_a_named_table_that_is_not_there_is_an_error_not_a_synthetic_table(init_aws):
    done = init_aws(DATASET_CSV="nowhere/table.csv")
    assert done.returncode == 1
    assert "DATASET_CSV='nowhere/table.csv': there is no such file" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_broken_table_is_named_and_nothing_is_uploaded(init_aws, telecom, tmp_path):
    (tmp_path / "bad.csv").write_bytes(make_table(telecom, 300, seed=5).replace(b"area_code_415", b"area_code_999"))
    done = init_aws(DATASET_CSV="bad.csv")
    assert done.returncode == 1
    assert "area_code: holds 'area_code_999'" in done.stderr
    init_aws.objects.ensure_bucket()
    assert init_aws.objects.keys("") == []


def test_synthetic_data_never_replaces_a_real_table_and_the_file_is_remembered(init_aws, telecom, tmp_path):
    first, second = (make_table(telecom, 300, seed) for seed in (5, 6))
    file = tmp_path / "mine.csv"
    file.write_bytes(first)
    assert init_aws(DATASET_CSV="mine.csv").returncode == 0
    assert f"real, from {file}, as DATASET_CSV named it last for this table" in init_aws().stdout
    file.write_bytes(second)
    assert f"{hashlib.sha256(second).hexdigest()} (new)" in init_aws().stdout
    file.unlink()
    kept = init_aws()
    assert kept.returncode == 0, kept.stderr
    assert f"the version {hashlib.sha256(second).hexdigest()[:12]} from mine.csv" in kept.stdout
    assert "mine.csv is not there any more, and synthetic data never replaces a real table" in kept.stdout
    assert "SYNTHETIC" not in kept.stdout
    assert not [version for version in feature_store.versions(init_aws.objects, telecom) if version.synthetic]


def test_synthetic_data_that_had_replaced_a_real_table_gives_way_to_it(init_aws, telecom, tmp_path):
    """A store that an earlier version of the project has written."""
    assert init_aws().returncode == 0
    synthetic = feature_store.latest(init_aws.objects, telecom)
    (tmp_path / "mine.csv").write_bytes(make_table(telecom, 300, seed=5))
    assert init_aws(DATASET_CSV="mine.csv").returncode == 0
    init_aws.objects.put("tables/telecom_churn/current", synthetic.sha256.encode())
    shutil.rmtree(tmp_path / ".state")
    kept = init_aws()
    assert "no table is named now, and synthetic data never replaces a real table" in kept.stdout
    assert feature_store.latest(init_aws.objects, telecom).source == "mine.csv"


def test_a_remembered_file_that_is_gone_is_an_error_where_no_version_of_it_is_left(init_aws, telecom, tmp_path):
    (tmp_path / "mine.csv").write_bytes(make_table(telecom, 300, seed=5))
    assert init_aws(DATASET_CSV="mine.csv").returncode == 0
    (tmp_path / "mine.csv").unlink()
    done = init_aws(S3_BUCKET=f"other-{uuid.uuid4().hex[:8]}")
    assert done.returncode == 1
    assert "mine.csv, is not there any more: put it back, or name it where it is now" in done.stderr


def test_another_table_has_another_file_and_a_damaged_memory_is_named(init_aws, telecom, tmp_path):
    (tmp_path / "mine.csv").write_bytes(make_table(telecom, 300, seed=5))
    assert init_aws(DATASET_CSV="mine.csv").returncode == 0
    other = init_aws(CONTRACT=str(PROJECT / "contracts" / "credit_card_churn.toml"))
    assert "credit_card_churn: 10,000 rows, SYNTHETIC" in other.stdout
    (tmp_path / ".state" / "datasets.json").write_text("{")
    done = init_aws()
    assert done.returncode == 1
    assert "datasets.json cannot be read" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_setting_that_cannot_work_is_named(init_aws):
    done = init_aws(STREAM_SHARDS="none")
    assert done.returncode == 1
    assert done.stderr == "STREAM_SHARDS='none' cannot be used: it must be a whole number\n"


def test_columns_that_the_contract_and_the_table_do_not_share_are_told_of_a_real_table_only(
    init_aws, telecom, tmp_path
):
    text = TELECOM.read_text().replace("[target]", 'dropped_columns = ["Customer_Notes"]\n\n[target]', 1)
    (tmp_path / "other.toml").write_text(text)
    header, *rows = make_table(telecom, 300, seed=5).decode().splitlines()
    (tmp_path / "mine.csv").write_text("\n".join([f"{header},customer notes", *(f"{row},x" for row in rows)]))
    synthetic = init_aws(CONTRACT=str(tmp_path / "other.toml"))
    assert "Customer_Notes" not in synthetic.stdout
    real = init_aws(CONTRACT=str(tmp_path / "other.toml"), DATASET_CSV=str(tmp_path / "mine.csv"))
    assert real.returncode == 0, real.stderr
    assert "so nothing is dropped by it: 'Customer_Notes' (did you mean 'customer notes'?)" in real.stdout
    assert "does not name these columns, so the model does not see them: 'customer notes'" in real.stdout


def test_a_range_that_training_cannot_bear_is_rejected_before_anything_is_uploaded(init_aws, tmp_path):
    text = re.sub(r'(kind = "integer"[^[]*?range = )\[[^]]*\]', r"\1[0, 1e20]", TELECOM.read_text(), count=1)
    (tmp_path / "big.toml").write_text(text)
    done = init_aws(CONTRACT=str(tmp_path / "big.toml"))
    assert done.returncode == 1
    assert "range reaches beyond 9,007,199,254,740,992" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_table_in_another_format_is_published_as_it_is_and_how_it_was_read_is_said(init_aws, telecom, tmp_path):
    table = pd.read_csv(io.BytesIO(make_table(telecom, 300, 5)))
    table.to_csv(tmp_path / "mine.csv", sep=";", decimal=",", index=False)
    table.to_parquet(tmp_path / "mine.parquet", index=False)
    read = []
    for name, told in (
        ("mine.csv", "read as  CSV, in utf-8, separated by a semicolon, decimal comma\n"),
        ("mine.parquet", "read as  Parquet\n"),
    ):
        done = init_aws(DATASET_CSV=name)
        assert done.returncode == 0, done.stderr
        assert told in done.stdout
        version = feature_store.latest(init_aws.objects, telecom)
        assert feature_store.fetch(init_aws.objects, telecom, version.sha256) == (tmp_path / name).read_bytes()
        read.append(feature_store.load(init_aws.objects, telecom))
    pd.testing.assert_frame_equal(read[0].features, read[1].features)
    pd.testing.assert_frame_equal(
        read[0].features, clean(telecom, read_table(make_table(telecom, 300, 5)).cells).features
    )
