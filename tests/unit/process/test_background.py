"""What is done again and again in the background: no exception ends it, and how it stands can be asked."""

from __future__ import annotations

import logging
import threading

from tabular.process.background import BackgroundTask


def raising(*errors):
    """A step that raises these one after another, and then works; `steps.done` counts its calls."""
    left = list(errors)

    def step():
        step.done += 1
        if left and (error := left.pop(0)) is not None:
            raise error

    step.done = 0
    return step


def test_no_exception_ends_it_and_each_is_counted():
    stop = threading.Event()
    step = raising(OSError(28, "No space left on device"), ValueError("garbage"), MemoryError(), RecursionError())
    task = BackgroundTask("follow", lambda: stop.set() if step.done == 9 else step(), 0.001)
    task.start(stop).join(30)
    assert stop.is_set()
    assert (task.failures, task.failing) == (4, None)


def test_it_tells_how_it_stands_until_it_works_again():
    task = BackgroundTask("follow", raising(OSError(28, "No space left on device"), None), 1.0)
    before = task.worked_seconds_ago
    task.turn()
    assert (task.failures, task.failing) == (1, "OSError")
    assert task.worked_seconds_ago >= before
    task.turn()
    assert (task.failures, task.failing) == (1, None)


def test_a_failure_says_what_holds_meanwhile_and_the_same_one_is_not_said_again_at_once(caplog):
    errors = [OSError(28, "No space left on device"), OSError(28, "No space left on device"), ValueError("garbage")]
    task = BackgroundTask("follow", raising(*errors), 10.0, meanwhile="the present model goes on answering")
    with caplog.at_level(logging.INFO):
        for _ in range(5):
            task.turn()
    first, second, third = caplog.records
    assert first.getMessage() == (
        "follow: OSError: [Errno 28] No space left on device; retrying in 10 s; "
        "meanwhile the present model goes on answering"
    )
    assert first.exc_info
    assert second.exc_info
    assert second.getMessage().startswith("follow: ValueError: garbage")
    assert third.getMessage() == "follow: recovered"


def test_telling_may_fail_too():
    """Metrics are files: where the disk is full they cannot be written either."""
    told = raising(OSError(28, "No space left on device"))
    task = BackgroundTask("follow", lambda: None, 1.0, tell=lambda _: told())
    task.turn()
    assert (task.failures, task.failing) == (1, "OSError")
    task.turn()
    assert (task.failures, task.failing) == (1, None)
