"""Connecting webhooks: add with the first connection, edit, delete, test, enable, disable, rotate, resend by hand.

API, dashboard and command line stand on these same functions, so what one can do or refuses, the others do too.
"""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from parcelhook import times
from parcelhook.delivery.conclude import log_line
from parcelhook.delivery.request import Outgoing
from parcelhook.delivery.sender import Sent
from parcelhook.errors import Conflict, InvalidInput, NotFound, VerificationFailed
from parcelhook.shipping.events import EventKind, encode, sample
from parcelhook.store import deliveries, ids, recording
from parcelhook.store import endpoints as stored
from parcelhook.store.database import Transaction
from parcelhook.webhooks.catalogue import status as status_of
from parcelhook.webhooks.delivery import StoredEvent
from parcelhook.webhooks.endpoint import Endpoint, EndpointState, SigningSecret, check
from parcelhook.webhooks.exchange import Answer, Exchange, Headers
from parcelhook.webhooks.signature import new_secret
from parcelhook.webhooks.verdict import Verdict, judge

if TYPE_CHECKING:
    from parcelhook.delivery.platform import Platform

MOST_SECRETS = 5  # that sign at the same time; more would swell every request's header
LONGEST_OVERLAP_S = 7 * 86_400


class Trial(Struct, frozen=True, kw_only=True):
    """A test, or the first connection: the exchange, what it was worth, and its line in the log if it has one."""

    exchange: Exchange
    verdict: Verdict
    kind: EventKind
    log_id: int | None = None


async def connect(platform: Platform, draft: Endpoint, *, verify: bool) -> tuple[Endpoint, Trial | None]:
    """Add an endpoint.

    The page: "On the first connection of a new endpoint [it] always sends the order_shipped webhook, even if the chosen
    event is different." Only if that passes is the endpoint saved, else VerificationFailed with the whole exchange.
    With `verify=False` it is saved as it is, and says so by `verified`.
    """
    now_ms = times.now_ms()
    endpoint = check(
        replace(
            draft,
            id=platform.ids.next(),
            secrets=(SigningSecret(_fresh_secret()),),
            verified=verify,
            created_ms=now_ms,
            updated_ms=now_ms,
        )
    )
    trial: Trial | None = None
    sent: _Tried | None = None
    if verify:
        sent = await _send(platform, endpoint, EventKind.ORDER_SHIPPED)
        trial = sent.trial
        if not trial.verdict.passed:
            raise VerificationFailed(trial.verdict.reason, exchange=view(trial))

    def job(transaction: Transaction) -> tuple[int, int | None]:
        version = stored.insert(transaction.sql, endpoint, platform.vault)
        return version, _log(platform, transaction, endpoint, sent) if sent else None

    version, log_id = await platform.database.write(job)
    platform.endpoint_changed(endpoint.id, endpoint, version)
    if trial is not None and log_id is not None:
        platform.log_grew(log_id)
        trial = replace(trial, log_id=log_id)
    return endpoint, trial


async def change(platform: Platform, endpoint: Endpoint) -> Endpoint:
    """Save an edited endpoint; what waits for it goes out under the new settings."""
    edited = check(replace(endpoint, updated_ms=times.now_ms()))
    version = await platform.database.write(lambda transaction: stored.update(transaction.sql, edited, platform.vault))
    platform.endpoint_changed(edited.id, edited, version)
    return edited


async def remove(platform: Platform, account_id: int, endpoint_id: int) -> int:
    """Delete an endpoint with its credentials; how many deliveries were still waiting and are now cancelled.

    Nothing more is sent from here on; the waiting ones are marked in the background, in small steps.
    """
    platform.registry.endpoint(account_id, endpoint_id)

    def job(transaction: Transaction) -> tuple[int, int]:
        version = stored.mark_deleted(transaction.sql, endpoint_id, times.now_ms())
        return version, stored.count_waiting(transaction.sql, endpoint_id)

    version, count = await platform.database.write(job)
    platform.endpoint_changed(endpoint_id, None, version)
    platform.upkeep.cancel(endpoint_id)
    return count


async def try_out(platform: Platform, account_id: int, endpoint_id: int, kind: EventKind) -> Trial:
    """The page's Test: send the sample of that event now and show all the information transmitted.

    It goes the way of every delivery but past the lane, is logged as a test, and is not retried.
    """
    endpoint = platform.registry.endpoint(account_id, endpoint_id)
    sent = await _send(platform, endpoint, kind)
    log_id = await platform.database.write(lambda transaction: _log(platform, transaction, endpoint, sent))
    platform.log_grew(log_id)
    return replace(sent.trial, log_id=log_id)


async def enable(platform: Platform, account_id: int, endpoint_id: int) -> Endpoint:
    """Let an endpoint receive again; what waited for it goes out, oldest first."""
    endpoint = platform.registry.endpoint(account_id, endpoint_id)
    return await change(platform, replace(endpoint, state=EndpointState.ACTIVE, state_reason=""))


async def disable(platform: Platform, account_id: int, endpoint_id: int, reason: str = "Disabled by hand.") -> Endpoint:
    """Let an endpoint receive nothing; what is accepted for it waits until it is enabled again."""
    endpoint = platform.registry.endpoint(account_id, endpoint_id)
    return await change(platform, replace(endpoint, state=EndpointState.DISABLED, state_reason=reason))


async def rotate_secret(
    platform: Platform, account_id: int, endpoint_id: int, overlap_s: int
) -> tuple[str, int | None]:
    """A new signing secret; for `overlap_s` the one before signs too. Returns it, and until when (ms) both are valid."""
    if not 0 <= overlap_s <= LONGEST_OVERLAP_S:
        raise InvalidInput(
            f"The overlap must be 0 to {LONGEST_OVERLAP_S} seconds (7 days), not {overlap_s}.",
            field="overlap_s", value=overlap_s, remedy="86400 (a day) gives time to change the receiver.",
        )  # fmt: skip
    endpoint = platform.registry.endpoint(account_id, endpoint_id)
    now_ms = times.now_ms()
    until_ms = now_ms + overlap_s * 1_000
    old = [
        SigningSecret(secret.secret, min(secret.until_ms or until_ms, until_ms))
        for secret in endpoint.secrets
        if secret.until_ms is None or secret.until_ms > now_ms
    ]
    if overlap_s == 0:
        old = []
    if len(old) >= MOST_SECRETS:
        raise Conflict(
            f"{len(old)} secrets are valid already. Wait until an earlier overlap has ended, or rotate with overlap_s 0."
        )
    fresh = _fresh_secret()
    await change(platform, replace(endpoint, secrets=(SigningSecret(fresh), *old)))
    return fresh, until_ms if old else None


async def waiting(platform: Platform, endpoint_id: int) -> int:
    """How many deliveries are pending for an endpoint."""
    return await platform.database.read(lambda connection: stored.count_waiting(connection, endpoint_id))


async def retry_now(platform: Platform, account_id: int, delivery_id: int) -> int:
    """Send a delivery once more now, the same bytes under the same id; when it is due (ms).

    By hand and beside the schedule: if it fails, automatic retries that were still to come do come.
    """
    endpoint_id = await platform.database.read(
        lambda connection: deliveries.endpoint_of(connection, account_id, delivery_id)
    )
    if endpoint_id is None:
        raise NotFound(f'There is no delivery "{ids.public(ids.Prefix.DELIVERY, delivery_id)}".')
    if platform.registry.get(endpoint_id) is None:
        raise Conflict("The endpoint of this delivery was deleted, so it cannot be sent again.")
    now_ms = times.now_ms()
    await platform.database.write(lambda transaction: deliveries.make_due(transaction.sql, delivery_id, now_ms))
    platform.due_now(endpoint_id)
    return now_ms


def view(trial: Trial) -> dict[str, Any]:
    """A trial as the API answers with it: everything that went over the wire, credentials masked."""
    exchange, verdict = trial.exchange, trial.verdict
    outcome = exchange.outcome
    return {
        "passed": verdict.passed,
        "verdict": {
            "passed": verdict.passed,
            "code": verdict.code,
            "reason": verdict.reason,
            "hint": verdict.hint,
            "http_code": verdict.http_code,
            "any_2xx_would_pass": verdict.any_2xx_would_pass,
        },
        "event": trial.kind.value,
        "request": {
            "method": exchange.request.method,
            "url": exchange.request.url,
            "headers": _named(exchange.request.headers),
            "body": exchange.request.body.decode(),
        },
        "answer": _answer(outcome) if isinstance(outcome, Answer) else None,
        "fault": None if isinstance(outcome, Answer) else {"code": outcome.fault.value, "detail": outcome.detail},
        "timing": {
            "dns_ms": exchange.timing.dns_ms,
            "connect_ms": exchange.timing.connect_ms,
            "tls_ms": exchange.timing.tls_ms,
            "first_byte_ms": exchange.timing.first_byte_ms,
            "total_ms": exchange.timing.total_ms,
        },
        "address": exchange.address,
        "sent_at": times.iso(exchange.started_ms),
        "log_id": None if trial.log_id is None else ids.public(ids.Prefix.ATTEMPT, trial.log_id),
    }


def _answer(answer: Answer) -> dict[str, Any]:
    return {
        "status": answer.status,
        "name": status_of(answer.status).name,
        "headers": _named(answer.headers),
        "body": answer.body.decode("utf-8", "replace"),
        "truncated": answer.truncated,
    }


class _Tried(Struct, frozen=True):
    """A trial, and what its line in the log is made from."""

    trial: Trial
    event: StoredEvent
    sent: Sent
    outgoing: Outgoing
    changing: list[str]


async def _send(platform: Platform, endpoint: Endpoint, kind: EventKind) -> _Tried:
    now_ms = times.now_ms()
    event = _sample(platform, endpoint, kind, now_ms)
    outgoing = Outgoing(endpoint, now_ms)
    body = outgoing.body(event)
    changing = outgoing.changing(event, body, attempt=1, now_s=now_ms // 1_000, test=True)
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Sent] = loop.create_future()

    def settle(sent: Sent) -> None:
        if not future.done():
            future.set_result(sent)

    def done(sent: Sent) -> None:
        loop.call_soon_threadsafe(settle, sent)

    platform.worker.send_now(outgoing, changing, body, done)
    sent = await future
    exchange = Exchange(
        request=outgoing.shown(changing, body),
        outcome=sent.outcome,
        timing=sent.timing,
        address=sent.address,
        started_ms=sent.started_ms,
        ended_ms=sent.ended_ms,
    )
    verdict = judge(sent.outcome, endpoint.response_rule)
    return _Tried(Trial(exchange=exchange, verdict=verdict, kind=kind), event, sent, outgoing, changing)


def _sample(platform: Platform, endpoint: Endpoint, kind: EventKind, now_ms: int) -> StoredEvent:
    """The sample as if it had been accepted now. It is stored with no event, only with its line in the log."""
    event = sample(kind)
    number = platform.ids.next()
    return StoredEvent(
        id=number, account_id=endpoint.account_id, name="test_" + ids.encode(number), given_id=None, kind=kind,
        order_id=event.OrderID, transaction_id=event.TransactionID, carrier=event.TrackingCarrier, is_return=False,
        accepted_ms=now_ms, body=encode(event),
    )  # fmt: skip


def _log(platform: Platform, transaction: Transaction, endpoint: Endpoint, tried: _Tried) -> int:
    event = tried.event
    line = log_line(
        tried.sent, tried.trial.verdict, tried.outgoing, tried.changing, account_id=endpoint.account_id, event_id=None,
        delivery_id=None, kind=event.kind, order_id=event.order_id, transaction_id=event.transaction_id,
        carrier=event.carrier, is_return=False, retry=0, manual=False, request_body=tried.trial.exchange.request.body,
    )  # fmt: skip
    log_id = platform.ids.next()
    recording.record_test(transaction, line, log_id)
    return log_id


def _named(headers: Headers) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in headers]


def _fresh_secret() -> str:
    return new_secret(secrets.token_bytes(32))
