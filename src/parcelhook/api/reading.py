"""Reads what a client sent: JSON bodies into Structs, and parameters; each error names what is wrong."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from litestar import Request

from parcelhook.edge.giving import from_validation_error
from parcelhook.errors import InvalidInput, MalformedBody

T = TypeVar("T")


def read_body(raw: bytes, form: type[T]) -> T:
    """A JSON body as a Struct, or MalformedBody / InvalidInput."""
    try:
        return msgspec.json.decode(raw or b"{}", type=form)
    except msgspec.ValidationError as error:
        raise from_validation_error(error, raw) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedBody(f"The body is not valid JSON: {error}.", remedy="Send JSON as UTF-8.") from None


async def check_body(request: Request[Any, Any, Any]) -> None:
    """Read the body before the framework does, for its errors name neither value nor remedy."""
    form = request.route_handler.opt.get("body")
    if form is not None:
        read_body(await request.body(), form)


def known_parameters(given: Any, known: frozenset[str]) -> None:
    """Refuse a query parameter that does nothing: a misspelled filter must not answer with everything."""
    for name in given:
        if name not in known:
            raise InvalidInput(
                f'There is no parameter "{name}" here.',
                field=name,
                value=given[name],
                remedy="Possible are: " + ", ".join(sorted(known)) + ".",
            )
