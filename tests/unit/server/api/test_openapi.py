"""The OpenAPI document: whole for every kind of task, and true to its own examples."""

from __future__ import annotations

import json

import jsonschema
import pytest

from server.api.openapi import document
from server.connections.errors import HttpError
from tabular.errors import Fault


def schema_of(api, name):
    """One component's schema, with the components it refers to."""
    text = json.dumps({"$ref": f"#/$defs/{name}", "$defs": api["components"]["schemas"]})
    return json.loads(text.replace("#/components/schemas/", "#/$defs/"))


def references(node):
    if isinstance(node, dict):
        found = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
        return found.union(*(references(part) for part in node.values()))
    return set().union(*(references(part) for part in node)) if isinstance(node, list) else set()


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_the_examples_of_every_task_keep_their_schemas(tiny_contract, task):
    contract = tiny_contract(task)
    api = document(contract, "run", 100, needs_key=False)
    single, batch = (api["paths"][path]["post"] for path in ("/predict", "/predict/batch"))
    asked = single["requestBody"]["content"]["application/json"]["examples"]["example"]["value"]
    predicted = single["responses"]["200"]["content"]["application/json"]["examples"]["example"]["value"]
    many = batch["responses"]["200"]["content"]["application/json"]["examples"]["example"]["value"]
    jsonschema.validate(asked, schema_of(api, "Record"))
    jsonschema.validate(predicted, schema_of(api, "Prediction"))
    jsonschema.validate(many, schema_of(api, "BatchResponse"))
    assert contract.reply.prediction_key in predicted


def test_every_reference_leads_somewhere_and_every_operation_has_a_name_of_its_own(contract):
    api = document(contract, "run", 100, needs_key=True)
    assert {name.rpartition("/")[2] for name in references(api)} <= set(api["components"]["schemas"])
    operations = [verb["operationId"] for verbs in api["paths"].values() for verb in verbs.values()]
    assert len(operations) == len(set(operations))


def test_an_error_keeps_the_schema_of_errors(contract):
    api = document(contract, "run", 100, needs_key=False)
    error = HttpError(422, "no", faults=[Fault("age", "is missing", "a number")])
    jsonschema.validate(json.loads(error.response()[1]), schema_of(api, "Error"))


def test_a_key_is_asked_for_only_where_one_is_set(contract):
    for needs_key in (True, False):
        api = document(contract, "run", 100, needs_key=needs_key)
        assert bool(api["paths"]["/predict"]["post"]["security"]) == needs_key
        assert "security" not in api["paths"]["/health/ready"]["get"]
