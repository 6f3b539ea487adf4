"""One consumer for two tables: each has streams, leases, a model, results and metrics of its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from embedded.layout import PROJECT
from embedded.services.service import Service
from tabular.contract.loading import load_contract
from tabular.model.bundle import Bundle
from tests.journeys.stream.consumer_process import RUN_ID, ConsumerProcess, bodies
from tests.journeys.waiting import wait_until

OTHER, OTHER_RUN = "telecom_churn", "b" * 32


class TwoTables(ConsumerProcess):
    """The consumer of both tables; `put` and `read` take the first's streams, or those whose name is given."""

    def environ(self, **more: str) -> dict[str, str]:
        tables = {"TABLES": f"credit_card_churn,{OTHER},taxi_rides", "RUN_ID_TELECOM_CHURN": OTHER_RUN}
        return super().environ(**tables, **more)


def test_two_tables_are_served_by_one_consumer_each_from_its_own_stream(
    ministack: Service, store: Service, state: Path, bundle: Bundle, make_bundle: Callable[..., Bundle]
) -> None:
    other = make_bundle(load_contract(PROJECT / "contracts" / f"{OTHER}.toml"), state / "bundles" / OTHER_RUN)
    consumer = TwoTables(f"http://127.0.0.1:{ministack.port}", f"mongodb://127.0.0.1:{store.port}", state)
    for stream in ("predictions", "results", "dead", "labels"):
        consumer.wiring.stream_admin().ensure(f"{consumer.name}-{stream}-{OTHER}", 1)
    process = consumer.start()
    try:
        consumer.put(bodies(bundle, 5))
        theirs = [(f"key-{at}", body) for at, body in enumerate([*bodies(other, 3), b"{}"])]
        consumer.wiring.stream(f"{consumer.name}-predictions-{OTHER}").put(theirs)
        wait_until(lambda: len(consumer.read("results")) == 5 and len(consumer.read(f"results-{OTHER}")) == 3)
        wait_until(lambda: len(consumer.read(f"dead-{OTHER}")) == 1)
        results = [json.loads(record.data) for record in consumer.read(f"results-{OTHER}")]
        assert {result["model_run_id"] for result in results} == {OTHER_RUN}
        assert {result["model_run_id"] for result in consumer.results()} == {RUN_ID}
        assert consumer.dead_letters() == []
        wait_until(lambda: consumer.metric(f'consumer_records_total{{outcome="served",table="{OTHER}"}}') == 3)
        assert consumer.metric('consumer_records_total{outcome="served",table="credit_card_churn"}') == 5
        assert consumer.metric(f'consumer_records_total{{outcome="dead_letter",table="{OTHER}"}}') == 1
        assert consumer.store.count_by_source()[(OTHER, "stream")] == 3
        assert consumer.stored() == 5
    finally:
        process.terminate()
        assert process.wait(30) == 0
