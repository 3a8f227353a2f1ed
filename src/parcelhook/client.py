"""A Python client of the API: the API's own nouns as methods, its JSON as dicts.

    with Client("http://127.0.0.1:8080", "phk_...") as parcelhook:
        parcelhook.send({"Event": "TRACKING_UPDATE", "TransactionID": "48572_1", "date": 1622671204,
                         "message": "Shipment delivered", "code": 6})

Every refusal is an `ApiError`, whose text is meant for people.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any
from urllib.parse import quote

import httpx
import msgspec

Json = dict[str, Any]


class ApiError(Exception):
    """What the API refused, or why it could not be reached (`status` 0). `problem` is the whole problem document.

    `retry_after_s` is when to come again, where the server said: nothing of the request was accepted.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        code: str = "unreachable",
        problem: Json | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code
        self.problem = problem or {}
        self.retry_after_s = retry_after_s

    @property
    def remedy(self) -> str:
        """What to do about it, if the server said."""
        return str(self.problem.get("remedy") or "")


class Client:
    """Talks to one server as one account."""

    def __init__(self, url: str, api_key: str, *, timeout_s: float = 60.0) -> None:
        self._url = url.rstrip("/")
        self._http = httpx.Client(
            base_url=self._url, headers={"Authorization": f"Bearer {api_key}"}, timeout=timeout_s, trust_env=False
        )

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def send(
        self, events: Json | Sequence[Json], *, idempotency_key: str | None = None, deliver: bool = True
    ) -> list[Json]:
        """Feed one event or up to 1,000; a line `{"id", "duplicate"}` for each. They are on disk when it returns.

        With `deliver` false they are history: known from now on, and sent to nobody.
        """
        return self.send_encoded(msgspec.json.encode(events), idempotency_key=idempotency_key, deliver=deliver)

    def send_encoded(self, body: bytes, *, idempotency_key: str | None = None, deliver: bool = True) -> list[Json]:
        """The same for what is JSON already."""
        headers = {"Content-Type": "application/json"}
        if idempotency_key:
            headers["Idempotency-Key"] = idempotency_key
        query = {} if deliver else {"deliver": "false"}
        answer = self._call("POST", "/v1/events", content=body, headers=headers, params=query)
        accepted: list[Json] = answer["accepted"]
        return accepted

    def event(self, event_id: str) -> Json:
        """An event with its deliveries."""
        return self._call("GET", f"/v1/events/{event_id}")

    def create_endpoint(self, **fields: Any) -> Json:
        """Add an endpoint; ApiError `verification_failed` with the exchange if its first connection did not pass."""
        return self._call("POST", "/v1/endpoints", json=fields)

    def endpoints(self) -> Iterator[Json]:
        """All endpoints, oldest first."""
        return self._pages("/v1/endpoints", {})

    def count_matching(self, **fields: Any) -> Json:
        """How many of the last day's events these `events` and `filters` would have let through."""
        return self._call("POST", "/v1/endpoints/matching", json=fields)

    def endpoint(self, endpoint_id: str) -> Json:
        """One endpoint."""
        return self._call("GET", f"/v1/endpoints/{endpoint_id}")

    def update_endpoint(self, endpoint_id: str, **fields: Any) -> Json:
        """Change some fields of an endpoint."""
        return self._call("PATCH", f"/v1/endpoints/{endpoint_id}", json=fields)

    def delete_endpoint(self, endpoint_id: str) -> Json:
        """Delete an endpoint; how many waiting deliveries were cancelled."""
        return self._call("DELETE", f"/v1/endpoints/{endpoint_id}")

    def test_endpoint(self, endpoint_id: str, event: str = "order_shipped") -> Json:
        """Send a sample now; all the information transmitted."""
        return self._call("POST", f"/v1/endpoints/{endpoint_id}/test", json={"event": event})

    def enable_endpoint(self, endpoint_id: str) -> Json:
        """Let an endpoint receive again."""
        return self._call("POST", f"/v1/endpoints/{endpoint_id}/enable")

    def disable_endpoint(self, endpoint_id: str) -> Json:
        """Let an endpoint receive nothing; what is accepted for it waits."""
        return self._call("POST", f"/v1/endpoints/{endpoint_id}/disable")

    def secret(self, endpoint_id: str) -> str:
        """The signing secret of an endpoint."""
        return str(self._call("GET", f"/v1/endpoints/{endpoint_id}/secret")["secret"])

    def rotate_secret(self, endpoint_id: str, overlap_s: int = 86_400) -> Json:
        """A new signing secret; the old one signs too for the overlap."""
        return self._call("POST", f"/v1/endpoints/{endpoint_id}/rotate-secret", json={"overlap_s": overlap_s})

    def logs(self, **filters: str) -> Iterator[Json]:
        """The log, newest first, page after page."""
        return self._pages("/v1/logs", filters)

    def log(self, log_id: str) -> Json:
        """One attempt, whole."""
        return self._call("GET", f"/v1/logs/{log_id}")

    def export_logs(self, form: str = "csv", **filters: str) -> Iterator[bytes]:
        """The log as CSV or NDJSON, in pieces."""
        with self._stream("/v1/logs/export", {"format": form, **filters}) as answer:
            yield from answer.iter_bytes()

    def follow_logs(self, *, last_id: str | None = None, **filters: str) -> Iterator[Json]:
        """New attempts as they are recorded. Ends when the server stops; go on with `last_id`."""
        headers = {"Last-Event-ID": last_id} if last_id else {}
        with self._stream("/v1/logs/stream", filters, headers) as answer:
            try:
                for line in answer.iter_lines():
                    if line.startswith("data: "):
                        yield msgspec.json.decode(line.removeprefix("data: "))
            except httpx.TransportError as fault:
                raise self._unreachable(fault) from None

    def shipments(self, **filters: str) -> Iterator[Json]:
        """Shipments as they stand, newest first."""
        return self._pages("/v1/shipments", filters)

    def shipment(self, transaction_id: str) -> Json:
        """One shipment with its scans."""
        return self._call("GET", f"/v1/shipments/{quote(transaction_id, safe='')}")

    def delivery_insights(self, **filters: str) -> Json:
        """What was sent in a range, what became of it and how long it took."""
        return self._call("GET", "/v1/insights/deliveries", params=filters)

    def tracking_insights(self, **filters: str) -> Json:
        """How shipments stand, and what happened to them in a range."""
        return self._call("GET", "/v1/insights/tracking", params=filters)

    def connect_hub(self, hub: str, *, secret: str = "", label: str = "") -> Json:
        """Connect a carrier hub; `url` in the answer is the address to paste there."""
        return self._call("POST", "/v1/hubs", json={"hub": hub, "secret": secret, "label": label})

    def hubs(self) -> list[Json]:
        """The connected hubs, oldest first."""
        found: list[Json] = self._call("GET", "/v1/hubs")["items"]
        return found

    def known_hubs(self) -> list[Json]:
        """The hubs that can be connected."""
        found: list[Json] = self._call("GET", "/v1/hubs")["known"]
        return found

    def hub(self, hub_id: str) -> Json:
        """One hub."""
        return self._call("GET", f"/v1/hubs/{hub_id}")

    def update_hub(self, hub_id: str, **fields: str) -> Json:
        """Change a hub's secret or label."""
        return self._call("PATCH", f"/v1/hubs/{hub_id}", json=fields)

    def disconnect_hub(self, hub_id: str) -> Json:
        """Disconnect a hub: its address leads nowhere from now on."""
        return self._call("DELETE", f"/v1/hubs/{hub_id}")

    def hub_requests(self, hub_id: str) -> list[Json]:
        """The last requests that came from a hub, newest first."""
        found: list[Json] = self._call("GET", f"/v1/hubs/{hub_id}/requests")["items"]
        return found

    def try_hub(self, hub: str, body: str) -> Json:
        """What a body of a hub would be read as; nothing is stored."""
        return self._call("POST", "/v1/hubs/try", json={"hub": hub, "body": body})

    def retry_delivery(self, delivery_id: str) -> Json:
        """Send a delivery once more, now."""
        return self._call("POST", f"/v1/deliveries/{delivery_id}/retry")

    def _pages(self, path: str, filters: dict[str, str]) -> Iterator[Json]:
        cursor: str | None = None
        while True:
            page = self._call("GET", path, params={**filters, **({"cursor": cursor} if cursor else {})})
            yield from page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def _call(self, method: str, path: str, **options: Any) -> Json:
        try:
            answer = self._http.request(method, path, **options)
        except httpx.TransportError as fault:
            raise self._unreachable(fault) from None
        return _content(answer)

    def _stream(self, path: str, parameters: dict[str, str], headers: dict[str, str] | None = None) -> _Stream:
        timeout = httpx.Timeout(60.0, read=None)
        request = self._http.build_request("GET", path, params=parameters, headers=headers, timeout=timeout)
        return _Stream(self, request)

    def _unreachable(self, fault: httpx.TransportError) -> ApiError:
        return ApiError(
            f"No Parcelhook answers at {self._url} ({fault}). Start one with `parcelhook serve`, "
            "or say where it is with PARCELHOOK_URL."
        )


class _Stream:
    """An answer that is read while it comes."""

    def __init__(self, client: Client, request: httpx.Request) -> None:
        self._client = client
        self._request = request
        self._answer: httpx.Response | None = None

    def __enter__(self) -> httpx.Response:
        try:
            self._answer = self._client._http.send(self._request, stream=True)
            if self._answer.status_code >= 400:
                self._answer.read()
                _content(self._answer)
        except httpx.TransportError as fault:
            raise self._client._unreachable(fault) from None
        return self._answer

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._answer is not None:
            self._answer.close()


def _content(answer: httpx.Response) -> Json:
    try:
        content = msgspec.json.decode(answer.content)
    except msgspec.DecodeError:
        raise ApiError(
            f"{answer.request.url.host}:{answer.request.url.port} answered {answer.status_code}, but not as Parcelhook "
            "does. Is PARCELHOOK_URL right?",
            status=answer.status_code,
            code="not_parcelhook",
            retry_after_s=_retry_after(answer),
        ) from None
    if answer.status_code >= 400:
        raise ApiError(
            str(content.get("detail", "refused")),
            status=answer.status_code,
            code=str(content.get("code", "error")),
            problem=content,
            retry_after_s=_retry_after(answer),
        )
    found: Json = content
    return found


def _retry_after(answer: httpx.Response) -> int | None:
    said = answer.headers.get("Retry-After", "")
    return int(said) if said.isascii() and said.isdigit() else None
