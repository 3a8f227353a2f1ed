"""Filters: what passes, what does not, and what an event that does not speak of it means."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET
from msgspec.structs import replace

from parcelhook.errors import InvalidInput
from parcelhook.shipping.events import Event, EventKind, OrderError, OrderShipped, TrackingUpdate, sample
from parcelhook.webhooks.endpoint import Endpoint, check
from parcelhook.webhooks.filters import NO_FILTERS, Filters, flaws, in_words, normal, wants

UPDATE = sample(EventKind.TRACKING_UPDATE)  # FedEx, from IT to IT, code 6, not late, marketplace "0", Manual shipment
SHIPPED = sample(EventKind.ORDER_SHIPPED)
ERROR = sample(EventKind.ORDER_ERROR)  # FedEx
BARE_ERROR = OrderError(OrderID="1", Message="no carrier serves this address")


def case(event: Event, passes: bool, changed: dict[str, Any] | None = None, **filters: Any) -> Any:
    event = replace(event, **(changed or {}))
    words = ", ".join(f"{name} {value}" for name, value in filters.items())
    return pytest.param(event, Filters(**filters), passes, id=f"{type(event).__name__} {changed or ''}: {words}")


CASES = [
    case(UPDATE, True),
    case(UPDATE, True, carriers=("FedEx",)),
    case(UPDATE, True, carriers=("GLS", "fedEX")),
    case(UPDATE, False, carriers=("GLS",)),
    case(UPDATE, False, {"TrackingCarrier": ""}, carriers=("GLS",)),
    case(UPDATE, True, {"TrackingCarrier": " FedEx "}, carriers=("FedEx",)),
    case(SHIPPED, True, carriers=("FedEx",)),
    case(SHIPPED, False, carriers=("GLS",)),
    case(UPDATE, True, from_countries=("IT", "FR")),
    case(UPDATE, True, {"FromAddressCountry": "it"}, from_countries=("IT",)),
    case(UPDATE, False, {"FromAddressCountry": "DE"}, from_countries=("IT", "FR")),
    case(UPDATE, False, {"ToAddressCountry": "DE"}, to_countries=("IT", "FR")),
    case(UPDATE, True, {"FromAddressCountry": "DE"}, to_countries=("IT", "FR")),
    case(UPDATE, False, {"ToAddressCountry": ""}, to_countries=("IT",)),
    case(SHIPPED, False, {"ToAddressCountry": UNSET}, to_countries=("IT",)),
    case(SHIPPED, True, to_countries=("IT",)),
    case(UPDATE, True, {"MarketplacePlatform": "Amazon"}, marketplaces=("amazon",)),
    case(UPDATE, True, {"MarketplacePlatform": "Amazon", "MarketplaceID": "71"}, marketplaces=("71",)),
    case(UPDATE, False, {"MarketplacePlatform": "eBay", "MarketplaceID": "72"}, marketplaces=("Amazon", "71")),
    case(UPDATE, False, marketplaces=("Amazon",)),
    case(UPDATE, True, marketplaces=("Manual shipment",)),
    case(UPDATE, True, codes=(5, 6)),
    case(UPDATE, False, codes=(4, 5)),
    case(SHIPPED, True, codes=(4, 5)),
    case(ERROR, True, codes=(4, 5)),
    case(UPDATE, True, late=False),
    case(UPDATE, False, late=True),
    case(UPDATE, True, {"late": "1"}, late=True),
    case(UPDATE, False, {"late": "1"}, late=False),
    case(SHIPPED, True, late=True),
    case(ERROR, True, late=True),
    case(UPDATE, False, returns=True),
    case(UPDATE, True, returns=False),
    case(UPDATE, True, {"IsReturn": True}, returns=True),
    case(UPDATE, False, {"IsReturn": True}, returns=False),
    case(SHIPPED, False, returns=True),
    case(SHIPPED, True, {"IsReturn": True}, returns=True),
    case(ERROR, False, {"IsReturn": False}, returns=True),
    case(ERROR, False, {"IsReturn": True}, returns=False),
    # An order error passes what it says nothing about.
    case(BARE_ERROR, True, carriers=("GLS",), to_countries=("IT",), marketplaces=("Amazon",), returns=True),
    case(BARE_ERROR, True, returns=False),
    case(ERROR, False, carriers=("GLS",)),
    case(ERROR, False, {"MarketplacePlatform": "eBay"}, marketplaces=("Amazon",)),
    case(ERROR, True, {"MarketplacePlatform": "Amazon"}, marketplaces=("Amazon",)),
    # Every filter must be passed.
    case(UPDATE, True, carriers=("FedEx",), to_countries=("IT",), codes=(6,), late=False, returns=False),
    case(UPDATE, False, carriers=("FedEx",), to_countries=("FR",), codes=(6,)),
]


@pytest.mark.parametrize(("event", "filters", "passes"), CASES)
def test_what_passes(event: Event, filters: Filters, passes: bool) -> None:
    assert wants(filters, event) is passes


WORDS = st.sampled_from(["GLS", "gls", "Dhl", "DHL", "Straße", "STRASSE", "ups"])
COUNTRIES = st.sampled_from(["IT", "it", "FR", "us"])


def some(entries: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(entries, max_size=4).map(tuple)


FILTERS = st.builds(
    Filters,
    carriers=some(WORDS), from_countries=some(COUNTRIES), to_countries=some(COUNTRIES),
    marketplaces=some(WORDS | st.sampled_from(["0", "7"])), codes=some(st.integers(1, 6)),
    late=st.none() | st.booleans(), returns=st.none() | st.booleans(),
)  # fmt: skip
SIDES = {
    "TrackingCarrier": WORDS | st.just(""),
    "MarketplaceID": st.sampled_from(["0", "7"]),
    "MarketplacePlatform": WORDS | st.just("Manual shipment"),
}
PLACES = {"FromAddressCountry": COUNTRIES | st.just(""), "ToAddressCountry": COUNTRIES | st.just("")}
EVENTS = st.one_of(
    st.builds(OrderShipped, OrderID=st.just("1"), TransactionID=st.just("1"), TrackingNumber=st.just("1"), IsReturn=st.booleans(), **SIDES, **PLACES),
    st.builds(OrderError, OrderID=st.just("1"), Message=st.just("m"), IsReturn=st.booleans() | st.just(UNSET), **SIDES),
    st.builds(
        TrackingUpdate, TransactionID=st.just("1"), date=st.just(1), message=st.just("m"), code=st.integers(1, 6),
        late=st.sampled_from(["0", "1"]), IsReturn=st.booleans() | st.just(UNSET), **SIDES, **PLACES,
    ),
)  # fmt: skip


@given(EVENTS)
def test_without_filters_everything_passes(event: Event) -> None:
    assert wants(NO_FILTERS, event)


@given(FILTERS, EVENTS)
def test_the_normal_form_wants_the_same_and_is_its_own_normal_form(filters: Filters, event: Event) -> None:
    assert flaws(filters) == []
    assert wants(normal(filters), event) is wants(filters, event)
    assert normal(normal(filters)) == normal(filters)
    assert bool(normal(filters)) is bool(filters)


@given(FILTERS, EVENTS)
def test_an_event_passes_filters_that_each_let_it_through_and_no_others(filters: Filters, event: Event) -> None:
    alone = [wants(Filters(**{name: getattr(filters, name)}), event) for name in Filters.__struct_fields__]
    assert wants(filters, event) is all(alone)


@given(FILTERS, EVENTS, st.sampled_from(["carriers", "from_countries", "to_countries", "marketplaces", "codes"]))
def test_one_entry_more_in_a_list_that_filters_never_loses_an_event(filters: Filters, event: Event, name: str) -> None:
    entries = getattr(filters, name)
    if entries and wants(filters, event):
        assert wants(replace(filters, **{name: (*entries, 1 if name == "codes" else "XX")}), event)


@given(FILTERS)
def test_what_is_stored_is_what_was_given(filters: Filters) -> None:
    assert msgspec.json.decode(msgspec.json.encode(filters), type=Filters) == filters


@pytest.mark.parametrize(
    ("filters", "field"),
    [
        ({"carriers": ("GLS", " ")}, "filters.carriers[1]"),
        ({"carriers": ("x" * 201,)}, "filters.carriers[0]"),
        ({"carriers": ("GLS, DHL",)}, "filters.carriers[0]"),
        ({"marketplaces": ("Ama\nzon",)}, "filters.marketplaces[0]"),
        ({"from_countries": ("ITA",)}, "filters.from_countries[0]"),
        ({"to_countries": ("IT", "Italy")}, "filters.to_countries[1]"),
        ({"to_countries": ("\u0131T",)}, "filters.to_countries[0]"),
        ({"codes": (6, 7)}, "filters.codes[1]"),
        ({"codes": (0,)}, "filters.codes[0]"),
        ({"carriers": tuple(f"c{n}" for n in range(101))}, "filters.carriers"),
    ],
)
def test_what_is_refused_names_its_field(filters: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        check(
            Endpoint(
                id=1, account_id=1, url="https://a.example/", events=frozenset(EventKind), filters=Filters(**filters)
            )
        )
    assert refused.value.field == field
    assert refused.value.remedy


def test_a_hundred_entries_are_possible_and_stored_in_normal_form() -> None:
    assert flaws(Filters(carriers=tuple(f"c{n}" for n in range(100)))) == []
    given_ = Filters(carriers=(" GLS ", "gls"), from_countries=("it", "IT"), codes=(6, 5, 6))
    made = check(Endpoint(id=1, account_id=1, url="https://a.example/", events=frozenset(EventKind), filters=given_))
    assert made.filters == Filters(carriers=("gls",), from_countries=("IT",), codes=(5, 6))


def test_filters_in_words() -> None:
    assert in_words(NO_FILTERS) == []
    filters = Filters(carriers=("GLS", "DHL"), to_countries=("IT",), codes=(6,), late=True, returns=False)
    assert in_words(filters) == ["carrier GLS or DHL", "to IT", "code 6 Delivered", "late", "no returns"]
