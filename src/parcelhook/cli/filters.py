"""The filters of an endpoint as options of a command: the API's `filters`, and how the one becomes the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

Carriers = Annotated[
    list[str] | None, typer.Option("--carrier", help="Filter: only this carrier; may be repeated, any of them.")
]
FromCountries = Annotated[
    list[str] | None,
    typer.Option("--from-country", help="Filter: only from this country, such as IT; may be repeated."),
]
ToCountries = Annotated[
    list[str] | None, typer.Option("--to-country", help="Filter: only to this country, such as US; may be repeated.")
]
Marketplaces = Annotated[
    list[str] | None,
    typer.Option("--marketplace", help="Filter: only this marketplace, by name or MarketplaceID; may be repeated."),
]
Codes = Annotated[
    list[int] | None,
    typer.Option("--code", help="Filter: tracking updates only with this code, 1 to 6; may be repeated."),
]
Late = Annotated[
    str | None, typer.Option("--late", help="Filter: yes (tracking updates that are late), no (that are not) or any.")
]
Returns = Annotated[str | None, typer.Option("--returns", help="Filter: only (returns), none (of them) or any.")]
NoFilters = Annotated[bool, typer.Option("--no-filters", help="Remove all filters, but those given with it.")]

LATE: dict[str, bool | None] = {"yes": True, "no": False, "any": None}
RETURNS: dict[str, bool | None] = {"only": True, "none": False, "any": None}


def given(
    carrier: list[str] | None,
    from_country: list[str] | None,
    to_country: list[str] | None,
    marketplace: list[str] | None,
    code: list[int] | None,
    late: str | None,
    returns: str | None,
) -> dict[str, Any]:
    """The filters that the options name; those without an option are left out."""
    lists = {
        "carriers": carrier,
        "from_countries": from_country,
        "to_countries": to_country,
        "marketplaces": marketplace,
        "codes": code,
    }
    found: dict[str, Any] = {name: entries for name, entries in lists.items() if entries}
    if late is not None:
        found["late"] = _choice("--late", late, LATE)
    if returns is not None:
        found["returns"] = _choice("--returns", returns, RETURNS)
    return found


def _choice(option: str, word: str, choices: Mapping[str, bool | None]) -> bool | None:
    if word not in choices:
        raise typer.BadParameter(f'"{word}" is none of ' + ", ".join(choices) + ".", param_hint=option)
    return choices[word]
