"""From the profile of a column to what the contract says of it: a feature, or why it is left out."""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from tabular.contract.canonical import Canonical, canonical
from tabular.contract.features import Feature
from tabular.drafting.categories import learnt_choice
from tabular.drafting.choice import Choice
from tabular.drafting.column import ColumnProfile, share, shown
from tabular.drafting.dates import datetime_choice, datetimes_in
from tabular.drafting.identity import (
    COUNTS_ROWS,
    MAX_CATEGORIES,
    NEARLY_UNIQUE,
    identifies,
    is_code,
    is_named_as_id,
    names_a_group,
    rises_with_the_file,
)
from tabular.drafting.numbers.number_marks import MOSTLY, numbers_with_marks
from tabular.drafting.numbers.number_range import is_beyond_models, plausible_range
from tabular.drafting.row_id import may_be_key
from tabular.encoding.values import listed

BOOLEAN_WORDS = (("no", "yes"), ("false", "true"), ("n", "y"), ("f", "t"), ("off", "on"))
WRITE_DATES = "Write all of them in ISO 8601 (2024-05-31T14:05:00), with a time zone everywhere or nowhere"
_DAY_FIRST = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?( ?[AaPp][Mm])?)?")


def choose(
    column: ColumnProfile, name: str, cells_in_order: list[float] | None = None, most_invalid_rows: int = 0
) -> Choice:
    """What the contract says of a column; `name` is the public one a feature gets.

    `cells_in_order` are the numbers in the order of the file, for a numeric column with no gap; at most
    `most_invalid_rows` cells may be no value of the feature, so that their rows are dropped.
    """
    if reason := _says_nothing(column) or (None if _may_be_categories(column) else numbers_with_marks(column)):
        return Choice(column.name, left_out=reason)
    if (moments := datetimes_in(column)) is not None:
        return datetime_choice(column, name, moments)
    if 0 < (invalid := _rows_of_texts_among_numbers(column)) <= most_invalid_rows:
        return _number_but_for_some(column, name, invalid)
    if (identity := _identity(column, cells_in_order)) is not None:
        return identity
    if column.is_numeric and not is_code(column):
        return _number(column, name, cells_in_order)
    return _category(column, name)


def _identity(column: ColumnProfile, cells_in_order: list[float] | None) -> Choice | None:
    """The column as what identifies a row or a group of rows, or is written in a way that is not read; None if none."""
    if reason := _is_written_otherwise(column):
        return Choice(column.name, left_out=reason)
    if reason := identifies(column, cells_in_order):
        return Choice(column.name, left_out=reason, is_id=True, is_key=reason != COUNTS_ROWS and may_be_key(column))
    if reason := names_a_group(column):
        return Choice(column.name, left_out=reason, is_group=True)
    return None


def _says_nothing(column: ColumnProfile) -> str | None:
    if not column.counts:
        return "it has no value in any row"
    values = {canonical(text) for text in column.counts}
    if len(values) > 1:
        return None
    value = shown(next(iter(column.counts)))
    if not column.missing:
        return f"every row has the same value, {value}"
    return f"it holds nothing but {value}, in {share(column.known, column.rows)}"


def _number(column: ColumnProfile, name: str, cells_in_order: list[float] | None) -> Choice:
    numbers = column.numbers
    low, high = min(numbers.values()), max(numbers.values())
    whole = column.is_whole
    if is_beyond_models(low, high, is_whole=whole):
        why = f"numbers from {low:.15g} to {high:.15g} are too large, or too alike, to be told apart by a model"
        return Choice(column.name, left_out=f"{why}. If they are amounts or times, count them from a nearer zero")
    if cells_in_order is not None and is_named_as_id(column.name) and rises_with_the_file(cells_in_order):
        return Choice(column.name, left_out="it is named as an identifier, and rises with the rows of the file")
    expanded = [number for text, number in numbers.items() for _ in range(column.counts[text])]
    example = statistics.median_low(expanded)
    feature = Feature(
        name=name,
        column=column.name,
        kind="integer" if whole else "number",
        example=int(example) if whole else example,
        range=plausible_range(low, high, is_whole=whole),
    )
    return Choice(
        column.name, feature, (f"the table has {low:,.12g} to {high:,.12g}{_gaps(column)}", *_number_notes(column))
    )


def _number_notes(column: ColumnProfile) -> list[str]:
    notes = []
    if any(re.fullmatch(r"0\d+", text) for text in column.numbers):
        notes.append(
            'some have leading zeros: if they are codes and not amounts, kind = "category" with its categories'
        )
    if column.is_whole and column.known == len(column.counts):
        notes.append("every value is different: if it identifies the row, move it to dropped_columns")
    return notes


def _category(column: ColumnProfile, name: str) -> Choice:
    categories = _categories(column)
    if reason := _no_category(column, len(categories)):
        return Choice(column.name, left_out=reason)
    if len(categories) > MAX_CATEGORIES:
        return learnt_choice(column, name, categories)
    if (words := words_of_boolean(categories)) is not None:
        return Choice(column.name, Feature(name, column.name, "boolean", example=words[1], categories=words))
    feature = Feature(
        name,
        column.name,
        "category",
        example=max(categories, key=lambda each: categories[each]),
        categories=tuple(sorted(categories, key=lambda text: (column.numbers.get(text, 0.0), text))),
    )
    return Choice(column.name, feature, tuple(_category_notes(column, categories)))


def words_of_boolean(categories: Collection[str]) -> tuple[str, str] | None:
    """The words for false and for true, as the table writes them; None for categories that are no yes and no."""
    written = {category.casefold(): category for category in categories}
    found = next((words for words in BOOLEAN_WORDS if written.keys() == set(words)), None)
    return None if found is None else (written[found[0]], written[found[1]])


def _categories(column: ColumnProfile) -> dict[str, int]:
    """The categories in their most frequent spelling, with their rows."""
    spelling: dict[Canonical, str] = {}
    rows: Counter[str] = Counter()
    for text, count in column.counts.items():
        rows[spelling.setdefault(canonical(text), text)] += count
    return dict(rows)


def _rows_of_texts_among_numbers(column: ColumnProfile) -> int:
    """The rows of a column of numbers that hold a text all the same; 0 for any other column."""
    if column.is_numeric or _may_be_categories(column):
        return 0
    rows = sum(count for text, count in column.counts.items() if text not in column.numbers)
    return rows if rows < (1 - MOSTLY) * column.known else 0


def _number_but_for_some(column: ColumnProfile, name: str, rows: int) -> Choice:
    others = [shown(text) for text in column.counts if text not in column.numbers]
    numbers = {text: count for text, count in column.counts.items() if text in column.numbers}
    choice = choose(ColumnProfile(column.name, column.rows - rows, numbers), name)
    note = (
        f"{share(rows, column.rows)} hold no number but {listed(others[:3])}: they are dropped. If one of these texts "
        'means "not known", add it to missing_tokens, and its rows are kept'
    )
    return replace(choice, notes=(*choice.notes, note), invalid_rows=rows if choice.feature else 0)


def _is_written_otherwise(column: ColumnProfile) -> str | None:
    """Why texts that are times or numbers are not read as such; None if they are neither."""
    texts = list(column.counts)
    if column.is_numeric:
        return None
    if all(map(_is_date, texts)):
        return f"dates and times, such as {shown(texts[0])}. {WRITE_DATES}"
    if _rows_of_texts_among_numbers(column):
        others = [text for text in texts if text not in column.numbers]
        some = listed([shown(text) for text in others[:3]])
        texts_are = f"{len(others):,} texts, such as {some}" if len(others) > 1 else some
        return f"numbers but for {texts_are}. If it means that none is known, draft again with missing={others[0]}"
    return None


def _no_category(column: ColumnProfile, distinct: int) -> str | None:
    """Why texts are no categories; None if they may be some, listed or learnt."""
    if distinct <= NEARLY_UNIQUE * column.known:
        return None
    some = shown(next(iter(column.counts)))
    return f"{distinct:,} different texts in {column.known:,} rows, such as {some}: free text, or a name"


def _may_be_categories(column: ColumnProfile) -> bool:
    distinct = len({canonical(text) for text in column.counts})
    return distinct <= MAX_CATEGORIES and distinct <= NEARLY_UNIQUE * column.known


def _category_notes(column: ColumnProfile, categories: dict[str, int]) -> list[str]:
    notes = [f"{len(categories)} categories{_gaps(column)}"]
    if column.is_numeric:
        notes.append(
            f"numbers, taken for names of something because of the column's: if they are amounts, kind = "
            f'"{"integer" if column.is_whole else "number"}" with a range'
        )
    elif marked := numbers_with_marks(column):
        notes.append(f"they are {marked}, if they are amounts and not names of something")
    elif any(any(map(str.isdigit, each)) for each in categories) and len(categories) > 2:
        notes.append('if they have an order, write kind = "ordinal" and list them in rising order')
    if len(column.counts) > len(categories):
        notes.append(
            f"{len(column.counts)} spellings, one category each where only letter case or the number's form differs"
        )
    return notes


def _gaps(column: ColumnProfile) -> str:
    return f"; missing in {share(column.missing, column.rows)}" if column.missing else ""


def _is_date(text: str) -> bool:
    if _DAY_FIRST.fullmatch(text):
        return True
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return "-" in text
