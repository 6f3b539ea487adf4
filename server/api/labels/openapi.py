"""The route of labels in OpenAPI 3.1, derived from the contract of the model that serves."""

from __future__ import annotations

from typing import Any

from server.api.access.parameters import request_id
from server.api.request import JSON, NDJSON
from tabular.contract.types import Contract
from tabular.encoding.business_key import key_schema
from tabular.encoding.dates import pattern
from tabular.labels.reading import ID, MAX_ID_CHARACTERS, OBSERVED_AT, OUTCOME

Document = dict[str, Any]

_TIME = rf"{pattern(has_zone=True)}|{pattern(has_zone=False)}|^\s*$"
"""A time, or a blank text, which is none."""
EXAMPLE_ID = "1b4e28ba-2fa1-5d2b-883f-0016d3cca427"


def labels_operation(contract: Contract, errors: Document) -> Document:
    """`POST /labels`: one label, an array or a line each, with the responses to what cannot be read."""
    one, counted = example_label(contract), {"accepted": 1, "blank": 0}
    label = {"$ref": "#/components/schemas/Label"}
    schema = {"oneOf": [label, {"type": "array", "items": label, "minItems": 1}]}
    lines = {"type": "string", "description": "One JSON object a line, each as Label."}
    count = {"type": "integer", "minimum": 0}
    response = {
        "type": "object",
        "properties": {"accepted": count, "blank": count},
        "required": ["accepted", "blank"],
    }
    return {
        "operationId": "labels",
        "summary": "Tell true outcomes",
        "description": "All labels of a request are taken, or none. Each is attached to the prediction that it names, "
        "or to those of its business key within the contract's label_window_days before it; if there is none yet, it "
        "waits for 7 days. The same label again changes nothing; another outcome corrects the first.",
        "parameters": [
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": False,
                "description": "Names the request: for a day the same one gets the same response, another one 422.",
                "schema": {"type": "string", "pattern": "^[!-~]{1,200}$"},
            },
            request_id(),
        ],
        "requestBody": {
            "required": True,
            "content": {
                JSON: {"schema": schema, "examples": {"one": {"value": one}, "two": {"value": [one, one]}}},
                NDJSON: {"schema": lines},
            },
        },
        "responses": {
            "200": {
                "description": "The labels are on disk on this machine, and on their way to the store: how many, and "
                "how many were left out because their outcome is not known yet.",
                "content": {JSON: {"schema": response, "examples": {"example": {"value": counted}}}},
            },
            **errors,
        },
    }


def label_schema(contract: Contract) -> Document:
    """The JSON Schema of a label in a request."""
    outcome: Document = {"type": "number"}
    if contract.target.classes:
        outcome = {"type": "string", "enum": list(contract.target.classes)}
    properties: Document = {
        ID: {
            "type": "string",
            "pattern": f"^[!-~]{{1,{MAX_ID_CHARACTERS}}}$",
            "description": "The prediction_id of the response.",
        }
    }
    either = [{"required": [ID]}]
    if contract.table.business_key is not None:
        properties[contract.table.business_key] = key_schema(contract, {"type": "null"})
        either.append({"required": [contract.table.business_key]})
    properties |= {
        OUTCOME: {"anyOf": [outcome, {"type": "null"}], "description": "The true outcome; null: not known yet."},
        OBSERVED_AT: {
            "anyOf": [
                {"type": "string", "pattern": _TIME},
                {"type": "null"},
            ],
            "description": "When the business knew it, as ISO 8601; without a zone it is UTC. If left out: now.",
        },
    }
    return {
        "type": "object",
        "properties": properties,
        "required": [OUTCOME],
        "oneOf": either,
        "additionalProperties": False,
    }


def example_label(contract: Contract) -> Document:
    """A label that would be read."""
    outcome: object = contract.target.positive or (contract.target.classes[0] if contract.target.classes else 0.5)
    return {ID: EXAMPLE_ID, OUTCOME: outcome}
