"""From an exchange that has ended to the line of the log and to what becomes of the delivery. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from msgspec import Struct

from parcelhook.delivery.lanes import Ended
from parcelhook.delivery.request import Outgoing
from parcelhook.delivery.sender import Sent
from parcelhook.shipping.events import EventKind
from parcelhook.webhooks.delivery import WAS_DELIVERED, Attempt, Delivery, Outcome
from parcelhook.webhooks.exchange import Answer
from parcelhook.webhooks.retry import plan
from parcelhook.webhooks.verdict import Verdict, judge

PROXY_WAIT_MS = 5_000  # our own proxy failed: everything waits this long, and no retry is used up


class Conclusion(Struct, frozen=True, kw_only=True):
    """What to record, and what it means for the lane and the endpoint."""

    outcome: Outcome
    how: Ended
    slow_ms: int = 0
    gone: bool = False  # the receiver answered 410: the endpoint is to be disabled


def conclude(
    delivery: Delivery,
    sent: Sent,
    *,
    outgoing: Outgoing,
    changing: list[str],
    schedule: Sequence[float],
    chance: float,
) -> Conclusion:
    """Judge the answer and plan what comes next. `chance` in [0, 1) spreads the retries."""
    endpoint = outgoing.endpoint
    verdict = judge(sent.outcome, endpoint.response_rule)
    event = delivery.event
    attempt = log_line(
        sent, verdict, outgoing, changing, account_id=event.account_id, event_id=event.id, delivery_id=delivery.id,
        kind=event.kind, order_id=event.order_id, transaction_id=event.transaction_id, carrier=event.carrier,
        is_return=event.is_return, retry=delivery.retries, manual=delivery.manual, request_body=None,
    )  # fmt: skip
    outcome = partial(
        Outcome, delivery=delivery, attempt=attempt, attempts=delivery.attempts + 1, retries=delivery.retries, due_ms=0
    )
    if verdict.passed:
        return Conclusion(outcome=outcome(ended=True), how=Ended.WELL)
    if not verdict.charged:
        due_ms = sent.ended_ms + PROXY_WAIT_MS
        return Conclusion(outcome=outcome(ended=None, due_ms=due_ms), how=Ended.NEUTRAL, slow_ms=PROXY_WAIT_MS)
    answer = sent.outcome if isinstance(sent.outcome, Answer) else None
    planned = plan(
        retries_done=delivery.retries,
        retry_count=endpoint.retry_count,
        schedule=endpoint.retry_schedule or schedule,
        status=verdict.http_code,
        retry_after=answer.header("retry-after") if answer else None,
        now_s=sent.ended_ms / 1_000,
        chance=chance,
    )
    if delivery.manual:
        # By hand beside the schedule: what it was waiting for stays as it was.
        after = _as_before(delivery.resume_ms, outcome)
    elif planned.wait_ms is None:
        after = outcome(ended=False)
    else:
        after = outcome(ended=None, due_ms=sent.ended_ms + planned.wait_ms, retries=delivery.retries + 1)
    return Conclusion(outcome=after, how=Ended.BADLY, slow_ms=planned.slow_lane_ms, gone=planned.disable_endpoint)


def _as_before(resume_ms: int | None, outcome: Callable[..., Outcome]) -> Outcome:
    if resume_ms is None:
        return outcome(ended=False)
    if resume_ms == WAS_DELIVERED:
        return outcome(ended=True)
    return outcome(ended=None, due_ms=resume_ms)


def log_line(
    sent: Sent,
    verdict: Verdict,
    outgoing: Outgoing,
    changing: list[str],
    *,
    account_id: int,
    event_id: int | None,
    delivery_id: int | None,
    kind: EventKind,
    order_id: str,
    transaction_id: str,
    carrier: str,
    is_return: bool,
    retry: int,
    manual: bool,
    request_body: bytes | None,
) -> Attempt:
    """One line of the log: the page's twelve columns and what stands behind them."""
    outcome = sent.outcome
    timing = sent.timing
    return Attempt(
        account_id=account_id,
        endpoint_id=outgoing.endpoint.id,
        event_id=event_id,
        delivery_id=delivery_id,
        kind=kind,
        order_id=order_id,
        transaction_id=transaction_id,
        carrier=carrier,
        is_return=is_return,
        date_ms=sent.started_ms,
        date_end_ms=sent.ended_ms,
        passed=verdict.passed,
        retry=retry,
        manual=manual,
        time_spent_ms=timing.total_ms,
        http_code=verdict.http_code,
        cause=verdict.code,
        reason=None if verdict.passed else verdict.reason,
        hint=None if verdict.passed else verdict.hint,
        request_head=outgoing.logged_head(changing),
        request_body=request_body,
        format=outgoing.format,
        response_head=sent.response_head,
        response_body=outcome.body if isinstance(outcome, Answer) else None,
        truncated=isinstance(outcome, Answer) and outcome.truncated,
        address=sent.address,
        dns_ms=timing.dns_ms,
        connect_ms=timing.connect_ms,
        tls_ms=timing.tls_ms,
        first_byte_ms=timing.first_byte_ms,
    )
