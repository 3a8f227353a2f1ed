"""The filters in the form of a webhook: lists as text with commas, choices as words, and the filters they ask for."""

from __future__ import annotations

from typing import Final

from litestar.datastructures import FormMultiDict
from msgspec import Struct

from parcelhook.errors import InvalidInput
from parcelhook.webhooks.filters import Filters

LISTS: Final = {
    "carriers": "Carriers",
    "marketplaces": "Marketplaces",
    "from_countries": "From countries",
    "to_countries": "To countries",
}
LATE: Final[dict[str, bool | None]] = {"": None, "yes": True, "no": False}
RETURNS: Final[dict[str, bool | None]] = {"": None, "only": True, "none": False}


class TypedFilters(Struct, frozen=True, kw_only=True):
    """The fields as typed: `lists` by the names of LISTS, `late` and `returns` as words of LATE and RETURNS."""

    lists: dict[str, str] = {}
    codes: frozenset[str] = frozenset()
    late: str = ""
    returns: str = ""


def of_filters(filters: Filters) -> TypedFilters:
    """The fields as they stand for filters that are there."""
    return TypedFilters(
        lists={name: ", ".join(getattr(filters, name)) for name in LISTS},
        codes=frozenset(map(str, filters.codes)),
        late=_word(LATE, filters.late),
        returns=_word(RETURNS, filters.returns),
    )


def of_form(form: FormMultiDict) -> TypedFilters:
    """The fields as they were sent."""
    return TypedFilters(
        lists={name: str(form.get(f"filter_{name}", "")).strip() for name in LISTS},
        codes=frozenset(str(code) for code in form.getall("filter_codes", [])),
        late=str(form.get("filter_late", "")),
        returns=str(form.get("filter_returns", "")),
    )


def filters_of(typed: TypedFilters, found: list[InvalidInput]) -> Filters:
    """The filters that the fields ask for, not checked yet; `found` takes what can be none."""
    return Filters(
        carriers=_split(typed, "carriers"),
        from_countries=_split(typed, "from_countries"),
        to_countries=_split(typed, "to_countries"),
        marketplaces=_split(typed, "marketplaces"),
        codes=tuple(_code(word, found) for word in sorted(typed.codes)),
        late=_choice("late", typed.late, LATE, found),
        returns=_choice("returns", typed.returns, RETURNS, found),
    )


def at_its_field(flaw: InvalidInput) -> InvalidInput:
    """A flaw of one entry as a flaw of the field that holds the whole list; any other flaw as it is."""
    if not flaw.field.startswith("filters."):
        return flaw
    return InvalidInput(flaw.message, field=flaw.field.partition("[")[0], value=flaw.value, remedy=flaw.remedy)


def _word(choices: dict[str, bool | None], value: bool | None) -> str:  # noqa: FBT001  (a value that is looked for)
    return next(word for word, chosen in choices.items() if chosen is value)


def _split(typed: TypedFilters, name: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in typed.lists.get(name, "").split(",") if part.strip())


def _code(word: str, found: list[InvalidInput]) -> int:
    if word.isascii() and word.isdigit() and len(word) < 3:
        return int(word)
    found.append(_impossible("filters.codes", word))
    return 1


def _choice(name: str, word: str, choices: dict[str, bool | None], found: list[InvalidInput]) -> bool | None:
    if word not in choices:
        found.append(_impossible(f"filters.{name}", word))
    return choices.get(word)


def _impossible(field: str, word: str) -> InvalidInput:
    return InvalidInput(
        f'"{word[:50]}" is not possible here.', field=field, value=word[:50], remedy="Choose from the list."
    )
