"""Numbers with marks in them, such as thousands separators, a currency or a percent sign, which no reader takes."""

from __future__ import annotations

import re

from tabular.drafting.column import ColumnProfile, shown

MOSTLY = 0.8
THOUSAND = 1_000
WRITE_DIGITS = "Write them as digits with a point, or with the decimal comma of the file"
_WITH_MARKS = re.compile(
    r"[^\w\s]?\s?[+-]?\d{1,3}([ ,.'\u2019]\d{3})+([.,]\d+)?\s?\S?|[^\w\s]\s?[+-]?\d+([.,]\d+)?|[+-]?\d+([.,]\d+)?\s?%"
)


def numbers_with_marks(column: ColumnProfile) -> str | None:
    """What is wrong with a column of numbers, some or all with marks, to stand in a sentence; None for any other.

    Where every plain number is below a thousand the others are those above, however few: without them the column would
    be cut off. A few among larger plain ones are single slips.
    """
    others = [text for text in column.counts if text not in column.numbers]
    marked = [text for text in others if _WITH_MARKS.fullmatch(text)]
    plain = column.numbers
    is_of_numbers = len(marked) > MOSTLY * len(others) and len(marked) + len(plain) > MOSTLY * len(column.counts)
    is_system = len(marked) > len(plain) or all(abs(number) < THOUSAND for number in plain.values())
    if not (marked and is_of_numbers and is_system):
        return None
    which = (
        "numbers" if len(marked) > len(plain) else f"numbers, {sum(map(column.counts.__getitem__, marked)):,} of them"
    )
    return f"{which} with marks in them, such as {shown(marked[0])}. {WRITE_DIGITS}"
