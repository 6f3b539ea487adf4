"""The stream door as a real process, on real streams and a real store, killed, stopped and starved."""

from __future__ import annotations

import signal

from embedded.services import backends
from tabular.adapters.mongo.leases import MongoLeases
from tabular.predictions.prediction import id_from_stream
from tests.journeys.patience import PATIENCE_SECONDS, wait_until
from tests.journeys.stream_door import TABLE, bodies, scores


def test_killing_it_in_mid_batch_loses_nothing_and_stores_nothing_twice(make_door, bundle):
    door = make_door(batch_records=25)
    sent = bodies(bundle, 2_000)
    door.put(sent)
    for share in (0.1, 0.3, 0.5):
        process = door.start()
        wait_until(lambda share=share: door.stored() >= share * len(sent))
        process.kill()
        process.wait()
    assert door.stored() < len(sent), "the consumer was too fast to be killed in the middle"
    door.start()
    wait_until(lambda: len({answer["prediction_id"] for answer in door.answers()}) >= len(sent))
    records = door.read("predictions")
    ids = {id_from_stream(r.stream, r.shard, r.sequence_number): r.partition_key for r in records}
    stored = {prediction.id: prediction.score for prediction in door.store.latest(10_000)}
    wanted = {f"key-{at}": score for at, score in enumerate(scores(bundle, sent))}
    assert {ids[known]: score for known, score in stored.items()} == wanted
    assert len(stored) == door.stored() == len(sent)
    key = bundle.contract.reply.prediction_key
    assert {answer["partition_key"]: answer[key] for answer in door.answers()} == wanted


def test_sigterm_ends_it_cleanly_and_a_restart_goes_on_behind_the_checkpoint(door, bundle):
    sent = bodies(bundle, 300)
    door.put(sent[:200])
    first = door.start()
    wait_until(lambda: door.stored() == 200)
    first.send_signal(signal.SIGTERM)
    assert first.wait(PATIENCE_SECONDS) == 0
    shard = door.read("predictions")[0].shard
    leases = MongoLeases(door.mongo_uri, door.name, TABLE)
    lease = leases.leases(f"{door.name}-predictions")[shard]
    assert lease.owner is None
    assert lease.position["sequence_number"]
    assert leases.heartbeats(f"{door.name}-predictions") == {}
    leases.close()
    door.put(sent[200:])
    second = door.start()
    wait_until(lambda: door.stored() == 300)
    second.send_signal(signal.SIGINT)
    assert second.wait(PATIENCE_SECONDS) == 0
    assert len(door.answers()) == 300, "nothing was answered again after a clean stop"


def test_while_the_store_is_down_it_waits_and_then_loses_nothing(make_door, own, bundle):
    service = backends.store(own)
    with service.running(own.logs / "store.log"):
        door = make_door(mongo_port=own.ports.store)
        process = door.start()
        door.put(bodies(bundle, 100))
        wait_until(lambda: door.answered() == 100)
    door.put(bodies(bundle, 700))
    wait_until(lambda: door.failures("store") >= 1)
    assert len(door.answers()) == 100, "no answer is published that is not stored"
    with service.running(own.logs / "store.log"):
        wait_until(lambda: door.answered() == 800)
        assert door.stored() == len(door.answers()) == 800
        assert process.poll() is None


def test_with_the_store_down_it_still_stops_cleanly(make_door, own, bundle):
    service = backends.store(own)
    with service.running(own.logs / "store.log"):
        door = make_door(mongo_port=own.ports.store)
        process = door.start()
        door.put(bodies(bundle, 10))
        wait_until(lambda: door.answered() == 10)
    door.put(bodies(bundle, 10))
    wait_until(lambda: door.failures("store") >= 1)
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_SECONDS) == 0


def test_an_emulator_killed_and_started_without_its_streams_is_followed(make_door, own, bundle):
    service = backends.emulator(own)
    with service.running(own.logs / "emulator.log") as emulator:
        door = make_door(aws_port=own.ports.emulator)
        process = door.start()
        door.put(bodies(bundle, 100))
        wait_until(lambda: door.answered() == 100)
        emulator.kill()
    wait_until(lambda: door.failures("read") >= 1)
    with service.running(own.logs / "emulator.log"):
        door.ensure_streams()
        door.put(bodies(bundle, 50))
        wait_until(lambda: door.answered() == 150)
        assert door.stored() == 150
        assert process.poll() is None
