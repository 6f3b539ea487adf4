"""The stream consumer as a real process, on real streams and a real store, killed, stopped and starved."""

from __future__ import annotations

import signal

from embedded.services import backends
from tabular.predictions.prediction import id_from_stream
from tests.journeys.stream.consumer_process import bodies, scores
from tests.journeys.waiting import WAIT_SECONDS, wait_until


def test_killing_it_in_mid_batch_loses_nothing_and_stores_nothing_twice(make_consumer, bundle):
    consumer = make_consumer(batch_records=25)
    sent = bodies(bundle, 2_000)
    consumer.put(sent)
    for share in (0.1, 0.3, 0.5):
        process = consumer.start()
        wait_until(lambda share=share: consumer.stored() >= share * len(sent))
        process.kill()
        process.wait()
    assert consumer.stored() < len(sent), "the consumer was too fast to be killed in the middle"
    consumer.start()
    wait_until(lambda: len({result["prediction_id"] for result in consumer.results()}) >= len(sent))
    records = consumer.read("predictions")
    ids = {id_from_stream(r.stream, r.shard, r.sequence_number): r.partition_key for r in records}
    stored = {prediction.id: prediction.score for prediction in consumer.store.latest(10_000)}
    wanted = {f"key-{at}": score for at, score in enumerate(scores(bundle, sent))}
    assert {ids[known]: score for known, score in stored.items()} == wanted
    assert len(stored) == consumer.stored() == len(sent)
    key = bundle.contract.reply.prediction_key
    assert {result["partition_key"]: result[key] for result in consumer.results()} == wanted


def test_sigterm_ends_it_cleanly_and_a_restart_goes_on_behind_the_checkpoint(consumer, bundle):
    sent = bodies(bundle, 300)
    consumer.put(sent[:200])
    first = consumer.start()
    wait_until(lambda: consumer.stored() == 200)
    first.send_signal(signal.SIGTERM)
    assert first.wait(WAIT_SECONDS) == 0
    shard = consumer.read("predictions")[0].shard
    leases = consumer.wiring.leases()
    lease = leases.leases(f"{consumer.name}-predictions")[shard]
    assert lease.owner is None
    assert lease.position["sequence_number"]
    assert leases.heartbeats(f"{consumer.name}-predictions") == {}
    leases.close()
    consumer.put(sent[200:])
    second = consumer.start()
    wait_until(lambda: consumer.stored() == 300)
    second.send_signal(signal.SIGINT)
    assert second.wait(WAIT_SECONDS) == 0
    assert len(consumer.results()) == 300, "no record has a second result after a clean stop"


def test_while_the_store_is_down_it_waits_and_then_loses_nothing(make_consumer, own, bundle):
    service = backends.store(own)
    with service.running(own.logs / "store.log"):
        consumer = make_consumer(mongo_port=own.ports.store)
        process = consumer.start()
        consumer.put(bodies(bundle, 100))
        wait_until(lambda: consumer.served() == 100)
    consumer.put(bodies(bundle, 700))
    wait_until(lambda: consumer.failures("store") >= 1)
    assert len(consumer.results()) == 100, "no result is published that is not stored"
    with service.running(own.logs / "store.log"):
        wait_until(lambda: consumer.served() == 800)
        assert consumer.stored() == len(consumer.results()) == 800
        assert process.poll() is None


def test_with_the_store_down_it_still_stops_cleanly(make_consumer, own, bundle):
    service = backends.store(own)
    with service.running(own.logs / "store.log"):
        consumer = make_consumer(mongo_port=own.ports.store)
        process = consumer.start()
        consumer.put(bodies(bundle, 10))
        wait_until(lambda: consumer.served() == 10)
    consumer.put(bodies(bundle, 10))
    wait_until(lambda: consumer.failures("store") >= 1)
    process.send_signal(signal.SIGTERM)
    assert process.wait(WAIT_SECONDS) == 0


def test_an_emulator_killed_and_started_without_its_streams_is_followed(make_consumer, own, bundle):
    service = backends.emulator(own)
    with service.running(own.logs / "emulator.log") as emulator:
        consumer = make_consumer(aws_port=own.ports.emulator)
        process = consumer.start()
        consumer.put(bodies(bundle, 100))
        wait_until(lambda: consumer.served() == 100)
        emulator.kill()
    wait_until(lambda: consumer.failures("read") >= 1)
    with service.running(own.logs / "emulator.log"):
        consumer.ensure_streams(2)
        consumer.put(bodies(bundle, 50))
        wait_until(lambda: consumer.served() == 150)
        assert consumer.stored() == 150
        assert process.poll() is None
