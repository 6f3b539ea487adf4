"""The id of a request: the client's if it can be one, and else one that the prediction has too."""

from __future__ import annotations

import pytest

from server.api.access.request_id import MAX_CHARACTERS, RequestId, request_id


@pytest.mark.parametrize("given", [b"order-7", b"a" * MAX_CHARACTERS, b"shardId-000/49:5@host=1+2", b"0"])
def test_what_a_client_sends_is_kept(given: bytes) -> None:
    assert request_id(given) == RequestId(given.decode(), is_ours=False)


@pytest.mark.parametrize("given", [None, b"", b"a b", b"a" * (MAX_CHARACTERS + 1), b'"', b"a\nb", b"{}", "ä".encode()])
def test_what_cannot_be_one_is_replaced(given: bytes | None) -> None:
    found = request_id(given)
    assert found.is_ours
    assert found.value.encode() != given
    assert len(found.value) == 36


def test_an_id_of_our_own_is_the_predictions_too_and_is_stored_once() -> None:
    ours = request_id()
    assert ours.of_prediction() == ours.value
    assert ours.beside(ours.value) is None


def test_two_requests_of_one_id_are_two_predictions() -> None:
    theirs = request_id(b"retry-1")
    first, second = theirs.of_prediction(), theirs.of_prediction()
    assert first != second
    assert theirs.beside(first) == "retry-1"
