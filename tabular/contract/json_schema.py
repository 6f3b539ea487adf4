"""From a contract to JSON Schema (2020-12, as OpenAPI 3.1 uses it): what a request body may hold, field by field."""

from __future__ import annotations

import re
from typing import Any

from tabular.contract.canonical import FALSE, NUMBER_LIMIT, TRUE, canonical
from tabular.contract.features import Feature
from tabular.contract.types import Contract
from tabular.encoding.business_key import key_schema
from tabular.encoding.dates import MAX_CHARACTERS, pattern
from tabular.encoding.values import datetime_form, listed, max_characters

Schema = dict[str, Any]

_JSON_TYPES = {"integer": "integer", "number": "number"}


def record_schema(contract: Contract) -> Schema:
    """The schema of one request body: every feature is required, and the business key alone is allowed beside them."""
    properties = {feature.name: feature_schema(feature, contract) for feature in contract.features}
    if contract.table.business_key is not None:
        properties[contract.table.business_key] = key_schema(contract, _missing(contract))
    return {
        "type": "object",
        "title": contract.table.title,
        "description": _reading(contract),
        "properties": properties,
        "required": list(contract.feature_names),
        "additionalProperties": False,
        "examples": [contract.example],
    }


def feature_schema(feature: Feature, contract: Contract) -> Schema:
    """The schema of one field; `x-categories` lists those that a model knows, in order."""
    schema: Schema = {"title": feature.name, "description": _description(feature)}
    if feature.is_numeric:
        return schema | {"anyOf": [_number(feature), _missing(contract)], "examples": [feature.sample]}
    if feature.is_datetime:
        form = {"type": "string", "maxLength": MAX_CHARACTERS, "pattern": pattern(has_zone=feature.has_zone)}
        return schema | {"anyOf": [form, _missing(contract)], "examples": [feature.sample]}
    known = {"x-categories": list(feature.categories), "examples": [feature.sample]}
    return schema | {"anyOf": [*_spellings(feature), _missing(contract)]} | known


def allowed(feature: Feature) -> str:
    """What the field may hold, in plain words."""
    if feature.range is not None:
        kind = "whole number" if feature.kind == "integer" else "number"
        return f"{kind} from {feature.range[0]:,.12g} to {feature.range[1]:,.12g}"
    if feature.is_datetime:
        return datetime_form(feature)
    if feature.is_boolean:
        return f"true or false, 1 or 0, {' or '.join(reversed(feature.categories))}"
    if feature.is_unlearnt:
        return "the categories of the training rows"
    if feature.has_codes:
        return listed([f"{code} = {category}" for code, category in enumerate(feature.categories)])
    return listed(feature.categories)


def _number(feature: Feature) -> Schema:
    schema: Schema = {"type": _JSON_TYPES[feature.kind]}
    if feature.range is None:
        return schema
    low, high = (int(bound) if bound == int(bound) else bound for bound in feature.range)
    return schema | {"minimum": low, "maximum": high}


def _spellings(feature: Feature) -> list[Schema]:
    """In which ways a category may be sent; text that is none of the contract's is an unknown category."""
    if feature.is_boolean:
        words = {canonical(word) for word in (*feature.categories, FALSE, TRUE)}
        texts = [_any_case(word) for word in sorted(word for word in words if isinstance(word, str))]
        text = {"type": "string", "pattern": rf"^\s*(?:{'|'.join([*texts, _ZERO_OR_ONE])})\s*$"}
        return [{"type": "boolean"}, {"enum": [0, 1]}, text]
    spellings: list[Schema] = [{"type": "string", "maxLength": max_characters(feature)}]
    if feature.has_codes:
        spellings.append({"type": "integer", "minimum": 0, "maximum": len(feature.categories) - 1})
    if feature.has_numerals:
        spellings.append({"type": "number", "exclusiveMinimum": -NUMBER_LIMIT, "exclusiveMaximum": NUMBER_LIMIT})
    if feature.has_booleans:
        spellings.append({"type": "boolean"})
    return spellings


_ZERO_OR_ONE = r"\+?0*[01](?:\.0*)?|-0+(?:\.0*)?"


def _any_case(word: str) -> str:
    return "".join(f"[{each.upper()}{each}]" if each.isascii() and each.isalpha() else re.escape(each) for each in word)


def _missing(contract: Contract) -> Schema:
    return {"enum": [None, "", *contract.table.missing_tokens, *contract.missing_values]}


def _description(feature: Feature) -> str:
    if feature.is_numeric:
        return f"{feature.about} A {allowed(feature)}."
    if feature.is_datetime:
        return f"{feature.about} {allowed(feature).capitalize()}."
    if feature.is_boolean:
        return f"{feature.about} {allowed(feature).capitalize()}."
    lead = "One of"
    if feature.has_codes:
        lead = "The category or its code"
    elif feature.kind == "ordinal":
        lead = "In rising order, one of"
    return f"{feature.about} {lead}: {allowed(feature)}."


def _reading(contract: Contract) -> str:
    tokens = " or ".join(["null", *(f'"{token}"' for token in contract.table.missing_tokens)])
    key = contract.table.business_key
    required = "Every field is required" if key is None else f"Every field but {key} is required"
    return (
        f"{required}: a value that is not known is sent as {tokens}. Categories are read in any letter "
        "case, and one that is a number or a boolean with or without quotes; one the model does not know is treated as "
        "missing and named in the warnings. Any other field is rejected."
    )
