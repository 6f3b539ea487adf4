"""Times as people give them to commands."""

from __future__ import annotations

from datetime import UTC, datetime

from tabular.errors import InvalidSetting


def moment(name: str, text: str) -> datetime | None:
    """The time that a text says, in UTC unless it names a zone; None for an empty one. Raises InvalidSetting."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidSetting(
            f"{name}={text!r} is no date or time: write it as 2026-11-01 or 2026-11-01T08:30Z"
        ) from error
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def shown(at: datetime) -> str:
    """A time in UTC, to the second, such as `2026-11-01 08:30:00`."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
