#!/usr/bin/env python3
"""Ask a running API for one prediction, from any machine that has Python: this file needs nothing else.

    python -m simulation_business.query --url http://127.0.0.1:9696
    python3 query.py --url http://host:9696 --table taxi_rides --json '{"trip_distance": 2.4, …}'

Without `--json` it sends the example of the API's own description. Where there is a key, it is read from a file, so
that no list of processes shows it.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit
from urllib.request import ProxyHandler, Request, build_opener

WAIT_SECONDS = 30.0
MAX_BYTES = 10_000_000


class CannotAsk(Exception):
    """There is no prediction, and this says why and what to do."""


def main(arguments: list[str] | None = None) -> int:
    """Print the response as JSON; 1 with the reason on standard error if there is no prediction."""
    given = _parser().parse_args(arguments)
    try:
        response = _prediction(given)
    except CannotAsk as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{json.dumps(response, indent=2, ensure_ascii=False)}\n")
    return 0


def _prediction(given: argparse.Namespace) -> Any:
    prefix = f"{_checked(given.url)}/tables/{quote(given.table, safe='')}" if given.table else _checked(given.url)
    key = _key(given.key_file)
    row = _row(given.json) if given.json else _example(prefix, key)
    return _asked(f"{prefix}/predict{'?explain=1' if given.explain else ''}", key, json.dumps(row).encode())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Ask a running API for one prediction, and print its response.")
    parser.add_argument("--url", default="http://127.0.0.1:9696", help="the address of the API (%(default)s)")
    parser.add_argument("--table", default="", help="one of several tables; left out, the first")
    parser.add_argument("--json", default="", help="the row, as a JSON object; left out, the API's own example")
    parser.add_argument("--explain", action="store_true", help="ask for what each input contributed, too")
    parser.add_argument("--key-file", default="", help="a file that holds the API key; - reads it from standard input")
    return parser


def _key(file: str) -> str:
    if not file:
        return ""
    try:
        return (sys.stdin.readline() if file == "-" else Path(file).read_text()).strip()
    except OSError as error:
        raise CannotAsk(f"--key-file cannot be read: {error}") from error


def _checked(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise CannotAsk(f"--url {url!r} is not an address. Give one such as http://127.0.0.1:9696")
    return url.rstrip("/")


def _row(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise CannotAsk(f"--json is not JSON: {error}. Put it in single quotes: --json '{{\"name\": 1}}'") from error


def _example(prefix: str, key: str) -> Any:
    schemas = _asked(f"{prefix}/openapi.json", key)["components"]["schemas"]
    return schemas["Record"]["examples"][0]


def _asked(url: str, key: str, body: bytes | None = None) -> Any:
    """The decoded response of a GET, or of a POST if there is a body."""
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if key:
        headers["X-API-Key"] = key
    # A proxy is for other hosts: with --url somebody names the server itself.
    opener = build_opener(ProxyHandler({}))
    request = Request(url, body, headers)  # noqa: S310 - `_checked` took http and https alone
    try:
        with opener.open(request, timeout=WAIT_SECONDS) as response:
            return json.loads(response.read(MAX_BYTES))
    except HTTPError as error:
        raise CannotAsk(_said(url, error)) from error
    except (URLError, OSError) as error:
        why = getattr(error, "reason", error)
        raise CannotAsk(f"{url} does not respond: {why}. Check the address, and that the API runs") from error
    except (ValueError, LookupError) as error:
        raise CannotAsk(f"{url} responded with something else than this API does. Check the address") from error


def _said(url: str, error: HTTPError) -> str:
    """The API's own words, fault by fault."""
    text = error.read(MAX_BYTES).decode(errors="replace")
    try:
        said = json.loads(text)["error"]
    except (ValueError, LookupError, TypeError):
        return f"{url} responded with status {error.code}: {text[:500].strip()}"
    faults = [f"  {one['field']}: {one['problem']} (allowed: {one['allowed']})" for one in said["faults"]]
    return "\n".join([f"{said['message']}. {said['remedy']}", *faults])


if __name__ == "__main__":
    sys.exit(main())
