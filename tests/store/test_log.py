"""The webhooks log as it is read: every filter, pages, what came after, one line whole."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle, islice

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from parcelhook.shipping.events import EventKind
from parcelhook.store import counting, endpoints, ids, log, recording
from parcelhook.store.database import Database, Transaction
from parcelhook.store.log import GLANCE_BYTES, LogLine
from parcelhook.store.log_filter import LogFilter
from parcelhook.store.vault import Vault, new_key
from parcelhook.webhooks.delivery import Attempt, Outcome
from parcelhook.webhooks.endpoint import Endpoint
from store.seeds import MAKER, NOW, accept, event, feed, offer, outcome, record

LINES = 60
EVERYTHING = LogFilter()
ORDERS, CARRIERS, ENDPOINTS, RETRIES = ("o1", "o2", "o3"), ("GLS", "UPS"), (7, 8), (0, 0, 0, 1, 2)


def attempt(order: str = "o1", *, account: int = 1, endpoint: int = 7, kind: EventKind = EventKind.TRACKING_UPDATE,
            carrier: str = "GLS", retry: int = 0, passed: bool = True, test: bool = False, body: bytes = b"{}",
            answer: bytes = b"{}", code: int = 200, is_return: bool = False) -> Attempt:  # fmt: skip
    """An attempt with its event, both different from all others."""
    fed = replace(event(account, order=order, shipment=f"{order}_1"), kind=kind, carrier=carrier, is_return=is_return)
    made = replace(
        outcome(offer(fed, endpoint).deliveries[0], ended=passed).attempt, http_code=code, cause=f"{code}{passed}"
    )
    if test:
        return replace(made, event_id=None, delivery_id=None, request_body=body, response_body=answer)
    return replace(made, retry=retry, response_body=answer)


def put(database: Database, *attempts: Attempt, numbers: Sequence[int] = ()) -> list[int]:
    """Write lines of the log with their events, as they are recorded; their ids."""
    for one in attempts:
        if one.event_id is not None:
            stored = replace(
                event(one.account_id, order=one.order_id, shipment=one.transaction_id), id=one.event_id, kind=one.kind
            )
            accept(database, feed(one.account_id, offer(stored, number=f"T-{one.order_id}")))
    first = MAKER.block(len(attempts))
    given = list(numbers) or list(range(first, first + len(attempts)))

    def write(transaction: Transaction) -> None:
        for number, one in zip(given, attempts, strict=True):
            if one.event_id is None:
                recording.record_test(transaction, one, number)
                continue
            recording.insert_attempts(transaction, [one], [number])
            delivery = offer(event(one.account_id), one.endpoint_id).deliveries[0]
            counted = Outcome(delivery=delivery, attempt=one, attempts=1, retries=0, due_ms=0, ended=None)
            counting.count(transaction, [counted], [number])

    database.write_now(write)
    return given


def page(
    database: Database, wanted: LogFilter = EVERYTHING, *, account: int = 1, before: int | None = None, limit: int = 500
) -> list[LogLine]:  # fmt: skip
    return database.read_now(lambda connection: log.page(connection, account, wanted, before=before, limit=limit))


def mixed() -> list[Attempt]:
    """Lines of all sorts, every eleventh of them another account's, every seventh a test."""
    sorts = zip(cycle(ORDERS), cycle(EventKind), cycle(CARRIERS), cycle(ENDPOINTS), cycle(RETRIES), strict=False)
    return [
        attempt(order, account=2 if n % 11 == 0 else 1, endpoint=endpoint + (2 if n % 11 == 0 else 0), kind=kind,
                carrier=carrier, retry=retry, passed=n % 4 != 0, test=n % 7 == 0, is_return=n % 5 == 0,
                code=(500, 403, 0, 200)[n // 4 % 4] if n % 4 == 0 else 200 + n % 3)
        for n, (order, kind, carrier, endpoint, retry) in enumerate(islice(sorts, LINES))
    ]  # fmt: skip


FILTERS = st.builds(
    LogFilter,
    endpoint_id=st.sampled_from([None, None, *ENDPOINTS, 9]),
    kind=st.sampled_from([None, None, *EventKind]),
    passed=st.sampled_from([None, True, False]),
    retry=st.sampled_from([None, None, "any", 0, 1, 2, 3]),
    order_id=st.sampled_from([None, None, *ORDERS, "nothing"]),
    transaction_id=st.sampled_from([None, None, "o1_1", "o2_1"]),
    carrier=st.sampled_from([None, None, *CARRIERS]),
    code=st.sampled_from([None, None, None, 200, 201, 403, 599, "2xx", "4xx", "5xx", "none"]),
    tracking=st.sampled_from([None, None, None, "T-o1", "T-o2", "o1"]),
    search=st.sampled_from([None, None, None, "T-o1", "o2", "o3_1", "nothing"]),
    is_return=st.sampled_from([None, None, True, False]),
    since_ms=st.sampled_from([None, None, NOW + 5 * 1_500_000, NOW + 31 * 1_500_000]),
    until_ms=st.sampled_from([None, None, NOW + 20 * 1_500_000 + 1, NOW + 40 * 1_500_000]),
    test=st.sampled_from([None, None, True, False]),
)


def fits(one: Attempt, wanted: LogFilter) -> bool:
    """The filters again, in the plainest words there are."""
    return (
        one.account_id == 1
        and wanted.endpoint_id in {None, one.endpoint_id}
        and wanted.kind in {None, one.kind}
        and wanted.passed in {None, one.passed}
        and (one.retry > 0 if wanted.retry == "any" else wanted.retry in {None, one.retry})
        and wanted.order_id in {None, one.order_id}
        and wanted.transaction_id in {None, one.transaction_id}
        and wanted.carrier in {None, one.carrier}
        and wanted.test in {None, one.delivery_id is None}
        and code_fits(one.http_code, wanted)
        and wanted.is_return in {None, one.is_return}
        and (wanted.tracking is None or (one.event_id is not None and wanted.tracking == f"T-{one.order_id}"))
        and (
            wanted.search in {None, one.order_id, one.transaction_id}
            or (one.event_id is not None and wanted.search == f"T-{one.order_id}")
        )
    )


def code_fits(code: int, wanted: LogFilter) -> bool:
    match wanted.code:
        case None:
            return True
        case int(exact):
            return code == exact
        case "none":
            return code == 0
        case kind:
            return code // 100 == int(kind[0])


def test_any_filters_together_let_through_what_fits_all_of_them(database: Database) -> None:
    lines = mixed()
    at = [NOW + n * 1_500_000 for n in range(LINES)]  # 25 minutes apart: over many hours, some with several
    numbers = put(database, *lines, numbers=[ids.first_id_at(when) for when in at])

    @given(FILTERS, st.integers(1, 7))
    @settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def check(wanted: LogFilter, size: int) -> None:
        expected = [
            number
            for number, when, one in zip(numbers, at, lines, strict=True)
            if fits(one, wanted) and (wanted.since_ms or 0) <= when < (wanted.until_ms or 2**60)
        ]
        assert [line.id for line in page(database, wanted)] == expected[::-1]
        paged: list[int] = []
        while found := page(database, wanted, before=paged[-1] if paged else None, limit=size):
            paged += [line.id for line in found]
        assert paged == expected[::-1]
        newer = database.read_now(lambda c: log.after(c, 1, wanted, after=numbers[20], limit=500))
        assert [line.id for line in newer] == [number for number in expected if number > numbers[20]]

    check()


def test_times_are_when_a_line_was_recorded_and_until_is_not_within(database: Database) -> None:
    first = ids.first_id_at(1_795_519_113_000)
    numbers = [first - 1, first, first + 1]
    database.write_now(lambda t: recording.insert_attempts(t, [attempt(test=True) for _ in numbers], numbers))
    since = page(database, LogFilter(since_ms=1_795_519_113_000))
    until = page(database, LogFilter(until_ms=1_795_519_113_000))
    assert [line.id for line in since] == [first + 1, first]
    assert [line.id for line in until] == [first - 1]


def test_pages_hold_every_line_once_while_the_log_grows(database: Database) -> None:
    there = put(database, *(attempt() for _ in range(10)))
    seen: list[int] = []
    before = None
    while lines := page(database, before=before, limit=3):
        seen += [line.id for line in lines]
        before = seen[-1]
        put(database, attempt())
    assert seen == there[::-1]


def test_a_follower_gets_the_oldest_first_and_no_more_than_it_asked_for(database: Database) -> None:
    numbers = put(database, *(attempt() for _ in range(5)))
    newer = database.read_now(lambda c: log.after(c, 1, LogFilter(), after=numbers[0], limit=2))
    assert [line.id for line in newer] == numbers[1:3]


def test_a_list_cuts_bodies_and_tells_their_length_and_one_line_is_whole(database: Database) -> None:
    long, answer = b'{"a": "' + b"x" * 900 + b'"}', b"y" * 700
    (number,) = put(database, attempt(test=True, body=long, answer=answer))
    (glance,) = page(database)
    assert (glance.request_body, glance.request_length) == (long[:GLANCE_BYTES], len(long))
    assert (glance.response_body, glance.response_length) == (answer[:GLANCE_BYTES], len(answer))
    whole = database.read_now(lambda c: log.one(c, 1, number))
    assert whole is not None
    assert (whole.request_body, whole.response_body) == (long, answer)


def test_a_line_shows_its_events_own_body_and_id(database: Database) -> None:
    given_id = event(given="mine-1")
    accept(database, feed(1, offer(given_id, 7)))
    (number,) = record(database, outcome(offer(given_id, 7).deliveries[0], ended=True))
    line = database.read_now(lambda c: log.one(c, 1, number))
    assert line is not None
    assert (line.request_body, line.event_name, line.test) == (given_id.body, "mine-1", False)


def test_another_accounts_line_is_none_like_one_that_does_not_exist(database: Database) -> None:
    (number,) = put(database, attempt())
    assert database.read_now(lambda c: log.one(c, 2, number)) is None
    assert database.read_now(lambda c: log.one(c, 1, number + 1)) is None
    assert page(database, account=2) == []


def test_the_url_of_a_deleted_endpoint_is_still_known(database: Database) -> None:
    gone = Endpoint(id=7, account_id=1, url="https://shop.example/old", events=frozenset(EventKind))
    database.write_now(lambda t: endpoints.insert(t.sql, gone, Vault((new_key(),))))
    put(database, attempt())
    database.write_now(lambda t: endpoints.mark_deleted(t.sql, 7, 1))
    (line,) = page(database)
    assert line.endpoint_url == "https://shop.example/old"
