"""The log's filters as texts, as they stand in the address: the same for API and dashboard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, get_args

from parcelhook.edge.asking import filter_choice, filter_id, filter_number, filter_text, filter_time
from parcelhook.errors import InvalidInput
from parcelhook.shipping.events import EventKind
from parcelhook.store import ids
from parcelhook.store.log_filter import CodeClass, LogFilter

EVENTS: Final = {kind.choice: kind for kind in EventKind} | {kind.value: kind for kind in EventKind}
RESULTS: Final = {"passed": True, "failed": False}
YES_NO: Final = {"true": True, "false": False}
CODES: Final[dict[str, CodeClass]] = {word: word for word in get_args(CodeClass)}
NAMES: Final = frozenset({
    "endpoint", "event", "result", "retry", "code", "order_id", "transaction_id", "tracking", "search", "carrier", "return",
    "since", "until", "test",
})  # fmt: skip


def read(texts: Mapping[str, str]) -> LogFilter:
    """The filter that is asked for, or InvalidInput; an empty text counts as not given, as forms send it."""

    def given(name: str) -> str | None:
        return filter_text(name, texts.get(name, "").strip()) or None

    retry = given("retry")
    return LogFilter(
        endpoint_id=filter_id("endpoint", ids.Prefix.ENDPOINT, given("endpoint")),
        kind=filter_choice("event", given("event"), EVENTS),
        passed=filter_choice("result", given("result"), RESULTS),
        retry="any" if retry == "any" else filter_number("retry", retry, 0, 10),
        code=_code(given("code")),
        order_id=given("order_id"),
        transaction_id=given("transaction_id"),
        tracking=given("tracking"),
        search=given("search"),
        carrier=given("carrier"),
        is_return=filter_choice("return", given("return"), YES_NO),
        since_ms=filter_time("since", given("since")),
        until_ms=filter_time("until", given("until")),
        test=filter_choice("test", given("test"), YES_NO),
    )


def _code(text: str | None) -> int | CodeClass | None:
    if text is None or text in CODES:
        return CODES[text] if text else None
    if text.isascii() and text.isdigit() and 100 <= int(text[:4]) <= 599 and len(text) == 3:
        return int(text)
    raise InvalidInput(
        f'"{text[:100]}" is not an HTTP code.',
        field="code",
        value=text[:100],
        remedy="Give one from 100 to 599, or one of " + ", ".join(CODES) + ".",
    )
