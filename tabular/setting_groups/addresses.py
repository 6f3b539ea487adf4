"""Validates addresses and names among the settings before anything connects; no message shows a login."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from tabular.errors import InvalidSetting

# The setting, the schemes that it may have, and an address to follow.
_SCHEMES: Mapping[str, tuple[tuple[str, ...], str]] = {
    "mlflow_tracking_uri": (("http", "https"), "http://127.0.0.1:5051"),
    "aws_endpoint_url": (("http", "https"), "http://127.0.0.1:4566"),
    "alert_webhook_url": (("https", "http"), "https://hooks.slack.com/services/…"),
    "monitor_prefect_url": (("http", "https"), "http://127.0.0.1:4200/api"),
    "mongo_uri": (("mongodb", "mongodb+srv"), "mongodb://127.0.0.1:27018"),
    "mlflow_backend_uri": (("postgresql",), "postgresql://mlflow:password@db.example.com:5432/mlflow"),
    "mlflow_artifacts_destination": (("s3",), "s3://my-bucket/mlflow"),
    "prefect_database_uri": (("postgresql",), "postgresql://prefect:password@db.example.com:5432/prefect"),
    "dask_scheduler": (("tcp", "tls", "ws", "wss", "ucx"), "tcp://10.0.0.5:8786"),
}
# The setting, what its services take as a name, and that in words.
_STREAM = (r"[a-zA-Z0-9_.-]{1,128}", "up to 128 letters, digits, _ . and -")
_NAMES: Mapping[str, tuple[str, str]] = {
    "mongo_database": (
        r"[^\s/\\.\"$*<>:|?\0]{1,63}",
        'up to 63 characters, without a space and / \\ . " $ * < > : | ?',
    ),
    "s3_bucket": (r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "3 to 63 small letters, digits, . and -"),
    "aws_region": (r"[a-z0-9-]{1,63}", "small letters, digits and -, such as us-east-1"),
    "stream_predictions": _STREAM,
    "stream_results": _STREAM,
    "stream_dead_letters": _STREAM,
    "stream_labels": _STREAM,
}
_ESCAPED = "in its user and password each of : / ? # [ ] @ % must be written as %3A %2F %3F %23 %5B %5D %40 %25"
_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


def check_address(name: str, address: str) -> None:
    """Raise InvalidSetting, in one sentence with the remedy, if a setting holds no address or name of its kind."""
    if name in _NAMES and not re.fullmatch(_NAMES[name][0], address):
        raise InvalidSetting(f"{name.upper()}={address!r} cannot be used: it must be {_NAMES[name][1]}")
    if (kind := _SCHEMES.get(name)) is None or not address:
        return
    schemes, example = kind
    if why := _fault(address, schemes, many=name == "mongo_uri"):
        # Of a faulty one nobody knows which part is the password; all of a webhook's is.
        is_secret = "@" in address or name == "alert_webhook_url"
        shown = "" if is_secret else f"={address!r}"
        raise InvalidSetting(f"{name.upper()}{shown} cannot be used: {why}; it must look like {example}")


def _fault(address: str, schemes: tuple[str, ...], *, many: bool) -> str:
    if address != address.strip() or any(character.isspace() for character in address):
        return "there is a space in it"
    try:
        parts = urlsplit(address)
    except ValueError as error:
        return f"it cannot be read ({error})"
    if parts.scheme not in schemes or "://" not in address:
        return f"it does not begin with {' or '.join(f'{scheme}://' for scheme in schemes)}"
    login, at, hosts = parts.netloc.rpartition("@")
    if at and ("@" in login or "/" in login or login.count(":") > 1 or _PERCENT.search(login)):
        return _ESCAPED
    why = next((why for host in (hosts.split(",") if many else [hosts]) if (why := _host_fault(host))), "")
    return _ESCAPED if why and "@" in address and not at else why


def _host_fault(host: str) -> str:
    name, port = re.fullmatch(r"(\[[^\]]*\]|[^:]*)(?::(.*))?", host, re.DOTALL).groups() if host else ("", None)  # type: ignore[union-attr]
    if not name.strip("[]"):
        return "it names no host"
    if port is not None and not (port.isascii() and port.isdigit() and 0 < int(port) < 65_536):
        return "what follows the colon of its host is no port"
    return ""
