"""One run: rounds of faults under load, and after each a rest in which everything promised is looked for."""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Sequence

from prometheus_client.parser import text_string_to_metric_families

from tabular.wiring import Wiring
from tests.chaos.audit.collect import Collector, label_history, labels_waiting, shadow_scores, stored
from tests.chaos.audit.comparison import Promises, audit, lost_labels, missing_labels, waiting_no_more
from tests.chaos.audit.ledger import Ledger
from tests.chaos.audit.report import table
from tests.chaos.audit.shadow import Shadow
from tests.chaos.faults.breaker import Breaker
from tests.chaos.faults.schedule import Round
from tests.chaos.load import Load, Streams
from tests.chaos.stack import CONTRACT, Stack

SETTLE_SECONDS = 180.0
SHOWN = 5
SENT = 500
"""So many different rows are sent, again and again."""


class Run:
    """The load, the breaker and the audits over one stack."""

    def __init__(self, stack: Stack, rate_per_second: float, malformed_at_once: int) -> None:
        self._stack, self._rate = stack, rate_per_second
        settings, key = stack.settings, CONTRACT.reply.prediction_key
        self._ledger = Ledger()
        streams = Streams(*map(Wiring(settings).stream, (settings.stream_predictions, settings.stream_labels)))
        self._load = Load(settings.api_port, streams, self._ledger, stack.made.records[:SENT], key)
        self._collector = Collector(stack.emulator_port, stack.streams, key)
        self._breaker = Breaker(stack, self._load, malformed_at_once)
        self._is_good = True
        self._began_us = time.time_ns() // 1_000

    def all(self, rounds: Sequence[Round]) -> bool:
        """Every round, and the report; True if every promise was kept."""
        self._load.start(self._rate, self._rate)
        for number, each in enumerate(rounds, start=1):
            self._breaker.under_load(each.faults, each.seconds)
            self._load.rest()
            self._audit(f"round {number} of {len(rounds)}")
            # The emulators lose what is unread in a shard that is split or merged, and everything when killed.
            self._load.go_on(with_stream=False)
            for fault in each.at_rest:
                self._breaker.one(fault)
            self._load.go_on()
        time.sleep(min(rounds[-1].seconds, 5.0))
        self._load.stop()
        self._audit("the end")
        if not self._collector.is_reading:
            self._ledger.complain("the collector died")
        self._collector.stop()
        self._report(sum(len(each.faults) + len(each.at_rest) for each in rounds))
        return self._is_good

    def _audit(self, when: str) -> None:
        waited = self._settle()
        promises, settings = self._promises(), self._stack.settings
        with self._collector.lock:
            found = self._collector.found
            labels = label_history(settings), labels_waiting(settings)
            broken = audit(promises, found, stored(settings), *labels, self._shadow())
        on_stream = len(self._collector.found.records)
        told = len(promises.labelled) + len(promises.labelled_keys)
        scored = f", {len(shadow_scores(settings))} scored in the shadow" if self._stack.is_whole else ""
        counts = (
            f"{len(promises.acknowledged)} predictions and {told} labels acknowledged, {on_stream} records put{scored}"
        )
        print(f"{when}: {counts}, {len(self._breaker.windows)} faults; settled after {waited:.1f} s", flush=True)
        for what, which in broken.items():
            if which:
                self._is_good = False
                print(f"  BROKEN: {what}: {len(which)}, such as {', '.join(which[:SHOWN])}", flush=True)

    def _promises(self) -> Promises:
        ledger = self._ledger
        with ledger.lock:
            return Promises(
                acknowledged=dict(ledger.acknowledged),
                possible=frozenset(ledger.possible),
                put=frozenset(ledger.put),
                labelled=dict(ledger.labelled),
                labelled_keys=dict(ledger.labelled_keys),
                told=frozenset(ledger.told),
            )

    def _settle(self) -> float:
        """Wait until nothing is on its way any more, or for long enough; the audit says what is missing."""
        began = time.monotonic()
        while time.monotonic() - began < SETTLE_SECONDS:
            with self._collector.lock:
                found = self._collector.found
                is_read = self._ledger.put <= found.keys and not found.without_outcome
            if is_read and self._waiting() == 0 and self._is_labelled():
                break
            time.sleep(0.3)
        return time.monotonic() - began

    def _is_labelled(self) -> bool:
        """Whether each label has come where it belongs, and into the evidence of the shadow."""
        promises, settings, shadow = self._promises(), self._stack.settings, self._shadow()
        documents, waiting = stored(settings), labels_waiting(settings)
        of_labels = (lost_labels, waiting_no_more)
        is_open = missing_labels(promises, documents) or any(one(promises, documents, waiting) for one in of_labels)
        return not is_open and not (shadow and shadow.missing(documents))

    def _shadow(self) -> Shadow | None:
        """What the shadow stored until now; the keys of what the load sends end with its number."""
        if not self._stack.is_whole:
            return None
        scores = self._stack.challenger.scores

        def expected(key: str) -> float | None:
            kind, _, number = key.rpartition("-")
            return scores[int(number) % SENT] if kind in {"request", "record"} else None

        return Shadow(shadow_scores(self._stack.settings), expected, self._began_us, time.time_ns() // 1_000)

    def _waiting(self) -> float:
        """Predictions in the outbox, as the API tells."""
        url = f"http://127.0.0.1:{self._stack.settings.api_port}/metrics"
        try:
            with urllib.request.urlopen(url, timeout=10) as page:
                families = text_string_to_metric_families(page.read().decode())
        except OSError:
            return -1
        return next((family.samples[0].value for family in families if family.name == "api_outbox_predictions"), -1)

    def _report(self, planned: int) -> None:
        windows, ledger = self._breaker.windows, self._ledger
        print("\n" + table(windows, ledger.attempts) + "\n")
        print(f"malformed: {dict(sorted(ledger.malformed.items()))}")
        print(f"calls that the proxy failed: {dict(sorted(self._stack.proxy.injected.items()))}")
        for kind, why in self._breaker.left_out.items():
            print(f"left out: {kind} ({why})")
        problems = [f"{window.kind}: {window.failure}" for window in windows if window.failure] + ledger.unforeseen
        if not self._breaker.left_out and len(windows) < planned:
            problems.append(f"only {len(windows)} of {planned} faults took place")
        for problem in problems[:SHOWN]:
            print(f"  PROBLEM: {problem}")
        self._is_good = self._is_good and not problems
