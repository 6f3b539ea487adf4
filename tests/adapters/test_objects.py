"""The port Objects over S3, on two emulators."""

from __future__ import annotations

import uuid

import pytest

from embedded.services.service import free_port
from tabular.adapters.s3 import S3Objects
from tabular.errors import NotFound, Rejected, Unavailable


@pytest.fixture
def bucket(emulator_url):
    objects = S3Objects(f"bucket-{uuid.uuid4()}", emulator_url)
    objects.ensure_bucket()
    return objects


@pytest.mark.parametrize("body", [b"", b"id,x\n1,2\n", bytes(range(256)) * 20_000], ids=["empty", "small", "5 MB"])
def test_what_is_put_is_what_is_got(bucket, body):
    bucket.put("some/key.csv", body)
    assert bucket.get("some/key.csv") == body


def test_a_second_put_replaces_the_first(bucket):
    bucket.put("pointer", b"one")
    bucket.put("pointer", b"two")
    assert bucket.get("pointer") == b"two"


def test_a_key_that_is_not_there_is_not_found_by_name(bucket):
    with pytest.raises(NotFound, match="no/such/key does not exist"):
        bucket.get("no/such/key")


def test_exists_tells_a_key_from_its_prefix(bucket):
    bucket.put("folder/key", b"x")
    assert bucket.exists("folder/key")
    assert not bucket.exists("folder")
    assert not bucket.exists("folder/")


def test_what_is_deleted_is_not_found_and_may_be_deleted_again(bucket):
    bucket.put("key", b"one")
    bucket.put("key/two", b"two")
    bucket.delete("key")
    bucket.delete("key")
    with pytest.raises(NotFound):
        bucket.get("key")
    assert bucket.keys("key") == ["key/two"]


def test_keys_are_those_of_the_prefix_in_order(bucket):
    for key in ["a/2", "b/1", "a/10", "a/1", "ab/1"]:
        bucket.put(key, b"x")
    assert bucket.keys("a/") == ["a/1", "a/10", "a/2"]
    assert bucket.keys("none/") == []


def test_keys_go_on_beyond_one_page_of_a_thousand(aws_url):
    bucket = S3Objects(f"bucket-{uuid.uuid4()}", aws_url)
    bucket.ensure_bucket()
    for number in range(1_003):
        bucket.put(f"many/{number:04}", b"")
    assert bucket.keys("many/") == [f"many/{number:04}" for number in range(1_003)]


def test_ensuring_a_bucket_again_keeps_what_is_in_it(bucket):
    bucket.put("key", b"kept")
    bucket.ensure_bucket()
    assert bucket.get("key") == b"kept"


def test_a_bucket_can_be_made_in_another_region(emulator_url):
    objects = S3Objects(f"bucket-{uuid.uuid4()}", emulator_url, region="eu-central-1")
    objects.ensure_bucket()
    objects.put("key", b"x")
    assert objects.get("key") == b"x"


def test_a_missing_bucket_is_named_with_the_command_that_makes_it(emulator_url):
    objects = S3Objects("nobody-made-me", emulator_url)
    for call in (lambda: objects.get("key"), lambda: objects.put("key", b""), lambda: objects.keys("")):
        with pytest.raises(NotFound, match=r"nobody-made-me.*make init_aws"):
            call()


def test_a_bucket_name_that_s3_forbids_is_rejected_not_retried(emulator_url):
    with pytest.raises(Rejected, match="Check the bucket's name"):
        S3Objects("Not A Bucket", emulator_url).ensure_bucket()


def test_a_dead_endpoint_is_unavailable():
    objects = S3Objects("bucket", f"http://127.0.0.1:{free_port()}")
    for call in (objects.ensure_bucket, lambda: objects.get("key"), lambda: objects.exists("key")):
        with pytest.raises(Unavailable, match="S3 is not available"):
            call()
