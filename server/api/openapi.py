"""The API described in OpenAPI 3.1, derived from the contract of the model that serves."""

from __future__ import annotations

from typing import Any

from server.api.access.parameters import explain, idempotency_key, request_id
from server.api.labels.openapi import EXAMPLE_ID, label_schema, labels_operation
from server.api.request import HTML, JSON, NDJSON, TEXT
from tabular.contract.json_schema import record_schema
from tabular.contract.types import Contract
from tabular.predictions.prediction import meaning, reply_schema

Document = dict[str, Any]

EXAMPLE_RUN = "3f0a6c1d2b4e4f5a8c7d9e0b1a2c3d4e"

SYNTHETIC = (
    "The model was trained on synthetic data, for want of a real table: its predictions show how the service works, "
    "and say nothing about real rows."
)

_ERRORS = {
    "400": "The body is empty or is not JSON, or the Idempotency-Key or explain cannot be used.",
    "408": "The request did not arrive within 30 seconds.",
    "401": "The API key is missing or wrong.",
    "413": "The body, the batch or the record is too large.",
    "415": "The Content-Type is not the one this path reads, or the body is compressed, and not with gzip or deflate.",
    "421": "The header Host names another server: see the setting ALLOWED_HOSTS.",
    "422": "Fields are missing, unknown or not valid under the contract, or the Idempotency-Key was used before.",
    "503": "Too many requests are queued, or the prediction could not be written to disk, so none was given. Retry "
    "after the seconds in Retry-After.",
}


def document(
    contract: Contract, run_id: str, max_batch_rows: int, *, needs_key: bool, synthetic: bool = False, prefix: str = ""
) -> Document:
    """The whole document, for one model, whose paths begin with `prefix`; `synthetic`: trained on synthetic data."""
    security: list[Document] = [{"bearer": []}, {"header": []}] if needs_key else []
    return {
        "openapi": "3.1.0",
        "info": {
            "title": contract.table.title,
            "version": run_id,
            "description": f"Predictions for one or many rows. Predictions come from MLflow run {run_id}."
            + (f" {SYNTHETIC}" if synthetic else ""),
        },
        "paths": {
            f"{prefix}/predict": {"post": _predict(contract) | {"security": security}},
            f"{prefix}/predict/batch": {"post": _batch(contract, max_batch_rows) | {"security": security}},
            f"{prefix}/labels": {"post": labels_operation(contract, _errors()) | {"security": security}},
            "/tables": {"get": _page("The tables of this server, and where each is asked.", JSON, "tables")},
            "/health/live": {"get": _page("The process runs.", JSON, "live")},
            "/health/ready": {"get": _page("A verified model is loaded and the outbox can be written.", JSON, "ready")},
            "/metrics": {"get": _page("Prometheus metrics of all workers.", TEXT, "metrics")},
            f"{prefix}/openapi.json": {"get": _page("This document.", JSON, "openapi")},
            f"{prefix}/docs": {"get": _page("This document as a page, with a form to try it.", HTML, "docs")},
        },
        "components": {
            "schemas": {
                "Record": record_schema(contract),
                "Prediction": reply_schema(contract),
                "BatchResponse": _batch_response(),
                "Label": label_schema(contract),
                "Error": _error(),
                "ErrorDetail": _error_detail(),
            },
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
        },
    }


def _predict(contract: Contract) -> Document:
    return {
        "operationId": "predict",
        "summary": "Predict one row",
        "description": meaning(contract),
        "parameters": [explain(), idempotency_key("the prediction"), request_id()],
        "requestBody": {"required": True, "content": {JSON: _content("Record", contract.example)}},
        "responses": {
            "200": {
                "description": "The prediction. It is on disk on this machine, and on its way to the store, unless "
                "`store` in /health/ready says that this API keeps predictions elsewhere, or none.",
                "content": {JSON: _content("Prediction", _example_prediction(contract))},
            },
            **_errors(),
        },
    }


def _batch(contract: Contract, max_batch_rows: int) -> Document:
    example = {
        "predictions": [
            {"row": 0, **_example_prediction(contract)},
            {"row": 1, "error": _example_error(contract)["error"]},
        ],
        "served": 1,
        "rejected": 1,
    }
    lines = {"type": "string", "description": "One JSON object a line, each as Record."}
    replies = {
        "type": "string",
        "description": "One reply a line, as the items of BatchResponse's predictions; "
        "where some rejected rows are not listed, a last line with not_listed.",
    }
    records = {"type": "array", "items": _ref("Record"), "minItems": 1, "maxItems": max_batch_rows}
    return {
        "operationId": "predictBatch",
        "summary": "Predict many rows",
        "description": f"At most {max_batch_rows:,} rows. Each is served or rejected on its own, in order, with its "
        "position from 0; the status is 200 even if every row is rejected. Of many rejected rows the first are listed "
        "one by one, the others together in not_listed. The response to NDJSON is NDJSON.",
        "parameters": [explain(), idempotency_key("each row, together with its position"), request_id()],
        "requestBody": {
            "required": True,
            "content": {
                JSON: {"schema": records, "examples": {"two": {"value": [contract.example, contract.example]}}},
                NDJSON: {"schema": lines},
            },
        },
        "responses": {
            "200": {
                "description": "A prediction or an error for every row.",
                "content": {JSON: _content("BatchResponse", example), NDJSON: {"schema": replies}},
            },
            **_errors(),
        },
    }


def _page(summary: str, media: str, operation: str) -> Document:
    errors = {"503": _error_response(_ERRORS["503"])} if operation == "ready" else {}
    schema = {"type": "object"} if media == JSON else {"type": "string"}
    page = {"description": summary, "content": {media: {"schema": schema}}}
    return {"operationId": operation, "summary": summary, "responses": {"200": page, **errors}}


def _errors() -> Document:
    return {status: _error_response(why) for status, why in _ERRORS.items()}


def _error_response(why: str) -> Document:
    return {"description": why, "content": {JSON: {"schema": _ref("Error")}}}


def _content(name: str, example: object) -> Document:
    return {"schema": _ref(name), "examples": {"example": {"value": example}}}


def _ref(name: str) -> Document:
    return {"$ref": f"#/components/schemas/{name}"}


def _batch_response() -> Document:
    row = {"type": "object", "properties": {"row": {"type": "integer", "minimum": 0}}, "required": ["row"]}
    rejected = {"type": "object", "properties": {"error": _ref("ErrorDetail")}, "required": ["error"]}
    items = {"allOf": [row, {"anyOf": [_ref("Prediction"), rejected]}]}
    count = {"type": "integer", "minimum": 0}
    required = {"predictions": {"type": "array", "items": items}, "served": count, "rejected": count}
    properties = required | {"not_listed": _not_listed(count)}
    return {"type": "object", "properties": properties, "required": list(required)}


def _not_listed(count: Document) -> Document:
    span = {"type": "array", "items": count, "minItems": 2, "maxItems": 2}
    return {
        "type": "object",
        "description": "The rejected rows that are not listed one by one.",
        "properties": {
            "rejected": count,
            "codes": {"type": "object", "additionalProperties": count, "description": "How many by error code."},
            "rows": {"type": "array", "items": span, "description": "First and last position of each span of them."},
        },
        "required": ["rejected", "codes", "rows"],
    }


def _error() -> Document:
    return {"type": "object", "properties": {"error": _ref("ErrorDetail")}, "required": ["error"]}


def _error_detail() -> Document:
    text = {"type": "string"}
    fault = {
        "type": "object",
        "properties": {
            "row": {"type": "integer"},
            "field": text,
            "problem": text,
            "given": {"description": "What was sent."},
            "allowed": text,
        },
        "required": ["field", "problem", "given", "allowed"],
    }
    properties = {"code": text, "message": text, "remedy": text, "faults": {"type": "array", "items": fault}}
    about = {"request_id": text | {"description": "The header X-Request-Id of the response; not of a row of a batch."}}
    return {"type": "object", "properties": properties | about, "required": list(properties)}


def _example_prediction(contract: Contract) -> Document:
    value: object = 0.25
    probabilities = {}
    if contract.table.task == "multiclass":
        value = contract.target.classes[0]
        probabilities = {"probabilities": {name: 1 / len(contract.target.classes) for name in contract.target.classes}}
    about = {"model_run_id": EXAMPLE_RUN, "prediction_id": EXAMPLE_ID, "warnings": []}
    return {contract.reply.prediction_key: value, **probabilities, **about}


def _example_error(contract: Contract) -> Document:
    fault = {
        "field": contract.feature_names[0],
        "problem": "is missing",
        "given": None,
        "allowed": "send it, or null if it is not known",
    }
    return {
        "error": {
            "code": "invalid_record",
            "message": "the record is not valid under the contract",
            "remedy": "Fix every fault below and send it again; /openapi.json has the schema.",
            "faults": [fault],
        }
    }
