"""A key's response outlives workers, restarts and models: the same request gets it again, another one 422."""

from __future__ import annotations

import json
import shutil

JSON, NDJSON = "application/json", "application/x-ndjson"
OTHER_RUN = "bbbb"


def test_a_key_gets_its_response_from_any_worker_and_whatever_model_serves(
    run_api, api_state, make_bundle, contract, tmp_path
):
    row = json.dumps(contract.example).encode()
    asked = {
        "row": ("/predict", JSON, row, row + b" "),
        "array": ("/predict/batch", JSON, b"[" + row + b",{}]", b"[{}," + row + b"]"),
        "lines": ("/predict/batch", NDJSON, row + b"\n{}", row),
    }
    state = tmp_path / "state"
    shutil.copytree(api_state, state)
    make_bundle(contract, state / "bundles" / OTHER_RUN, seed=7)

    def ask(api, name, which):
        path, media, *bodies = asked[name]
        return api.ask("POST", path, bodies[which], Content_Type=media, Idempotency_Key=name)

    with run_api(state, API_WORKERS="2") as api:
        first = {name: ask(api, name, 0) for name in asked}
        assert {status for status, _, _ in first.values()} == {200}
        for _ in range(6):  # new connections, which both workers take
            for name in asked:
                status, headers, body = ask(api, name, 0)
                assert (status, headers["Idempotent-Replayed"], body) == (200, "true", first[name][2])
        assert api.metric("http_requests_replayed_total") == 18
        assert api.metric("api_rows_total", outcome="served") == 3
        for name in asked:
            status, _, body = ask(api, name, 1)
            assert (status, json.loads(body)["error"]["code"]) == (422, "idempotency_key_reused")
    with run_api(state, RUN_ID=OTHER_RUN, API_WORKERS="1") as api:
        assert {name: ask(api, name, 0)[2] for name in asked} == {name: body for name, (_, _, body) in first.items()}
        fresh = json.loads(api.ask("POST", "/predict", row, Content_Type=JSON, Idempotency_Key="new")[2])
        assert fresh["model_run_id"] == OTHER_RUN
        assert fresh["churn chance"] != json.loads(first["row"][2])["churn chance"]
