"""Filters: which of the chosen events an endpoint wants, by what stands in them.

Every filter is a list of what is wanted, any of it; an event must pass every filter that is set. Three rules decide what a
filter means for an event that does not speak of it:

- `codes` and `late` speak of tracking updates alone; the other two events pass them.
- A label or a tracking update without the country (carrier, marketplace) that is asked for does not pass: unknown is not
  among the wanted.
- An order error passes every filter that it says nothing about. It often fails before carrier or country are known, and an
  error too many is better than one that nobody sees.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Annotated, Final, TypeVar

from msgspec import UNSET, Meta, Struct, UnsetType

from parcelhook.errors import InvalidInput
from parcelhook.shipping.events import Event, OrderError, TrackingUpdate, is_return
from parcelhook.shipping.status import CODES

MOST_ENTRIES: Final = 100  # of a list
LONGEST_ENTRY: Final = 200  # characters

# What the wire form holds where no marketplace was given; an order error that holds these says nothing about it.
_NO_MARKETPLACE: Final = ("0", "Manual shipment")

T = TypeVar("T")
Words = tuple[str, ...]


class Filters(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an endpoint wants of the events that it chose; empty wants them all."""

    carriers: Annotated[
        Words, Meta(description="Any of these carriers, by name; upper and lower case are the same")
    ] = ()
    from_countries: Annotated[Words, Meta(description="From any of these countries, two letters each")] = ()
    to_countries: Annotated[Words, Meta(description="To any of these countries, two letters each")] = ()
    marketplaces: Annotated[
        Words, Meta(description="Any of these marketplaces, by platform name or MarketplaceID")
    ] = ()
    codes: Annotated[tuple[int, ...], Meta(description="Tracking updates with any of these codes, 1 to 6")] = ()
    late: Annotated[bool | None, Meta(description="Tracking updates that are late (true), or not (false)")] = None
    returns: Annotated[bool | None, Meta(description="Returns only (true), or none of them (false)")] = None

    def __bool__(self) -> bool:
        """Whether anything is filtered: one comparison is all that an endpoint without filters costs."""
        return self != NO_FILTERS


NO_FILTERS: Final = Filters()


def wants(filters: Filters, event: Event) -> bool:
    """Whether an event passes every filter (see the module for what it does not say)."""
    error = isinstance(event, OrderError)
    return (
        _has(filters.carriers, (event.TrackingCarrier,), silent=error and not event.TrackingCarrier)
        and _has(filters.from_countries, (_country(event, "FromAddressCountry"),), silent=error)
        and _has(filters.to_countries, (_country(event, "ToAddressCountry"),), silent=error)
        and _has(filters.marketplaces, _marketplace(event), silent=error and _marketplace(event) == _NO_MARKETPLACE)
        and (filters.returns is None or (error and event.IsReturn is UNSET) or is_return(event) == filters.returns)
        and (not isinstance(event, TrackingUpdate) or _has_state(filters, event))
    )


def _has(wanted: Words, found: tuple[str, ...], *, silent: bool) -> bool:
    return not wanted or silent or any(word.strip().casefold() in _folded(wanted) for word in found)


@lru_cache(maxsize=4_096)  # the lists of that many endpoints stay ready to be looked into
def _folded(words: Words) -> frozenset[str]:
    return frozenset(word.casefold() for word in words)


def _country(event: Event, field: str) -> str:
    country: str | UnsetType = getattr(event, field, UNSET)
    return "" if country is UNSET else country


def _marketplace(event: Event) -> tuple[str, str]:
    return event.MarketplaceID, event.MarketplacePlatform


def _has_state(filters: Filters, event: TrackingUpdate) -> bool:
    return (not filters.codes or event.code in filters.codes) and (
        filters.late is None or (event.late == "1") == filters.late
    )


def flaws(filters: Filters) -> list[InvalidInput]:
    """Everything that is wrong with filters, in the order of their fields, each named as `filters.carriers[0]`."""
    return [
        *_each("carriers", filters.carriers, _name_flaws),
        *_each("from_countries", filters.from_countries, _country_flaws),
        *_each("to_countries", filters.to_countries, _country_flaws),
        *_each("marketplaces", filters.marketplaces, _name_flaws),
        *_each("codes", filters.codes, _code_flaws),
    ]


def in_words(filters: Filters) -> list[str]:
    """What is wanted, a few words a filter: `carrier GLS or DHL`, `to IT`, `late`."""
    lists: dict[str, Iterable[str]] = {
        "carrier": filters.carriers,
        "from": filters.from_countries,
        "to": filters.to_countries,
        "marketplace": filters.marketplaces,
        "code": (f"{code} {CODES[code].label}" for code in filters.codes),
    }
    said = [f"{name} {words}" for name, entries in lists.items() if (words := " or ".join(entries))]
    if filters.late is not None:
        said.append("late" if filters.late else "not late")
    if filters.returns is not None:
        said.append("returns only" if filters.returns else "no returns")
    return said


def _each(name: str, entries: Sequence[T], rule: Callable[[str, T], Iterator[InvalidInput]]) -> Iterator[InvalidInput]:
    if len(entries) > MOST_ENTRIES:
        yield InvalidInput(
            f"{len(entries)} entries are more than the {MOST_ENTRIES} that a filter may have.",
            field=f"filters.{name}", value=len(entries), remedy=f"Keep at most {MOST_ENTRIES}, or leave the filter out.",
        )  # fmt: skip
        return
    for index, entry in enumerate(entries):
        yield from rule(f"filters.{name}[{index}]", entry)


def _name_flaws(field: str, name: str) -> Iterator[InvalidInput]:
    if not 1 <= len(name.strip()) <= LONGEST_ENTRY:
        yield InvalidInput(
            f"A name here has 1 to {LONGEST_ENTRY} characters, not {len(name.strip())}.",
            field=field, value=name[:100], remedy="Leave it out, or shorten it.",
        )  # fmt: skip
    elif not name.strip().isprintable():
        yield InvalidInput(
            "The name holds a line break or another character that cannot be seen.",
            field=field, value=name[:100], remedy="Type it without.",
        )  # fmt: skip
    elif "," in name:
        yield InvalidInput(
            f'"{name[:100]}" holds a comma: are these several?',
            field=field, value=name[:100], remedy="Give each as an entry of its own.",
        )  # fmt: skip


def _country_flaws(field: str, country: str) -> Iterator[InvalidInput]:
    code = country.strip()
    if not (len(code) == 2 and code.isascii() and code.isalpha()):
        yield InvalidInput(
            f'"{country[:100]}" is not a country code.',
            field=field, value=country[:100], remedy="Write it as two letters, such as IT or US.",
        )  # fmt: skip


def _code_flaws(field: str, code: int) -> Iterator[InvalidInput]:
    if code not in CODES:
        yield InvalidInput(
            f"{code} is not a code of a tracking update.",
            field=field, value=code, remedy="Codes are: " + ", ".join(f"{n} {status.label}" for n, status in CODES.items()) + ".",
        )  # fmt: skip


def normal(filters: Filters) -> Filters:
    """The same filters without spaces around and without repetition; countries in capitals, codes in order."""
    return Filters(
        carriers=_once(filters.carriers),
        from_countries=_once(country.upper() for country in filters.from_countries),
        to_countries=_once(country.upper() for country in filters.to_countries),
        marketplaces=_once(filters.marketplaces),
        codes=tuple(sorted(set(filters.codes))),
        late=filters.late,
        returns=filters.returns,
    )


def _once(words: Iterable[str]) -> Words:
    return tuple({word.strip().casefold(): word.strip() for word in words}.values())
