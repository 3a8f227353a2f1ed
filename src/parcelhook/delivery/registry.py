"""The endpoints in memory: what events are matched against and lanes are made from, in step with the store.

Read from the event loop and from the worker's thread alike; a change replaces whole values, so a reader sees the one
before or the one after.
"""

from __future__ import annotations

from collections.abc import Iterable

from parcelhook.errors import NotFound
from parcelhook.shipping.events import EventKind
from parcelhook.store import ids
from parcelhook.webhooks.endpoint import Endpoint
from parcelhook.webhooks.matching import Matches, matches

_NONE: Matches = dict.fromkeys(EventKind, ())


class Registry:
    """All endpoints of all accounts."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        self._by_id: dict[int, Endpoint] = {}
        self._by_account: dict[int, dict[int, Endpoint]] = {}
        self._matches: dict[int, Matches] = {}
        self._gone: set[int] = set()
        for endpoint in endpoints:
            self._by_id[endpoint.id] = endpoint
            self._by_account.setdefault(endpoint.account_id, {})[endpoint.id] = endpoint
        for account_id, members in self._by_account.items():
            self._matches[account_id] = matches(members.values())

    def matching(self, account_id: int, kind: EventKind) -> tuple[Endpoint, ...]:
        """The endpoints of an account that chose this event."""
        return self._matches.get(account_id, _NONE)[kind]

    def get(self, endpoint_id: int) -> Endpoint | None:
        """The endpoint of that id, whosever it is; None if it was deleted."""
        return self._by_id.get(endpoint_id)

    def ids(self) -> set[int]:
        """Of all endpoints there are."""
        return set(self._by_id)

    def endpoint(self, account_id: int, endpoint_id: int) -> Endpoint:
        """The account's endpoint of that id; NotFound if it has none such."""
        endpoint = self._by_id.get(endpoint_id)
        if endpoint is None or endpoint.account_id != account_id:
            raise NotFound(f'There is no endpoint "{ids.public(ids.Prefix.ENDPOINT, endpoint_id)}".')
        return endpoint

    def endpoints(self, account_id: int) -> list[Endpoint]:
        """All endpoints of an account, oldest first."""
        return sorted(self._by_account.get(account_id, {}).values(), key=lambda endpoint: endpoint.id)

    def put(self, endpoint: Endpoint) -> None:
        """Add an endpoint, or replace it by its new version. What was read before it was deleted or changed here comes late."""
        known = self._by_id.get(endpoint.id)
        if endpoint.id in self._gone or (known is not None and known.updated_ms > endpoint.updated_ms):
            return
        self._by_id[endpoint.id] = endpoint
        self._replace(endpoint.account_id, {**self._by_account.get(endpoint.account_id, {}), endpoint.id: endpoint})

    def remove(self, endpoint: Endpoint) -> None:
        """Forget an endpoint."""
        self._gone.add(endpoint.id)
        self._by_id.pop(endpoint.id, None)
        rest = {**self._by_account.get(endpoint.account_id, {})}
        rest.pop(endpoint.id, None)
        self._replace(endpoint.account_id, rest)

    def _replace(self, account_id: int, members: dict[int, Endpoint]) -> None:
        self._by_account[account_id] = members
        self._matches[account_id] = matches(members.values())
