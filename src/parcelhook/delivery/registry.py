"""The endpoints in memory: what events are matched against and lanes are made from, in step with the store.

Read from the event loop and from the worker's thread alike; a change replaces whole values, so a reader sees the one
before or the one after.
"""

from __future__ import annotations

from parcelhook.errors import NotFound
from parcelhook.shipping.events import EventKind
from parcelhook.store import ids
from parcelhook.store.endpoints import Changes
from parcelhook.webhooks.endpoint import Endpoint
from parcelhook.webhooks.matching import Matches, matches

_NONE: Matches = dict.fromkeys(EventKind, ())


class Registry:
    """All endpoints of all accounts."""

    def __init__(self, found: Changes) -> None:
        self._by_id: dict[int, Endpoint] = {}
        self._by_account: dict[int, dict[int, Endpoint]] = {}
        self._matches: dict[int, Matches] = {}
        self._versions: dict[int, int] = {}  # of the deleted ones too: what comes late must not bring them back
        self.version = found.version
        for endpoint, version in found.living:
            self._by_id[endpoint.id] = endpoint
            self._versions[endpoint.id] = version
            self._by_account.setdefault(endpoint.account_id, {})[endpoint.id] = endpoint
        for account_id, members in self._by_account.items():
            self._matches[account_id] = matches(members.values())

    def matching(self, account_id: int, kind: EventKind) -> tuple[Endpoint, ...]:
        """The endpoints of an account that chose this event."""
        return self._matches.get(account_id, _NONE)[kind]

    def get(self, endpoint_id: int) -> Endpoint | None:
        """The endpoint of that id, whosever it is; None if it was deleted."""
        return self._by_id.get(endpoint_id)

    def endpoint(self, account_id: int, endpoint_id: int) -> Endpoint:
        """The account's endpoint of that id; NotFound if it has none such."""
        endpoint = self._by_id.get(endpoint_id)
        if endpoint is None or endpoint.account_id != account_id:
            raise NotFound(f'There is no endpoint "{ids.public(ids.Prefix.ENDPOINT, endpoint_id)}".')
        return endpoint

    def endpoints(self, account_id: int) -> list[Endpoint]:
        """All endpoints of an account, oldest first."""
        return sorted(self._by_account.get(account_id, {}).values(), key=lambda endpoint: endpoint.id)

    def put(self, endpoint: Endpoint, version: int) -> None:
        """Add an endpoint, or replace it, unless a later version of it is known."""
        if self._is_news(endpoint.id, version):
            self._by_id[endpoint.id] = endpoint
            self._replace(endpoint.account_id, {**self._by_account.get(endpoint.account_id, {}), endpoint.id: endpoint})

    def remove(self, endpoint_id: int, version: int) -> None:
        """Forget an endpoint."""
        if self._is_news(endpoint_id, version):
            known = self._by_id.pop(endpoint_id, None)
            if known is not None:
                rest = {**self._by_account.get(known.account_id, {})}
                rest.pop(endpoint_id, None)
                self._replace(known.account_id, rest)

    def take(self, found: Changes) -> list[int]:
        """What changed after the version that we had, and all of it; the ids of what is new to us."""
        news = []
        for endpoint, version in found.living:
            if self._versions.get(endpoint.id, -1) < version:
                news.append(endpoint.id)
            self.put(endpoint, version)
        for endpoint_id, version in found.deleted:
            if self._versions.get(endpoint_id, -1) < version:
                news.append(endpoint_id)
            self.remove(endpoint_id, version)
        self.version = max(self.version, found.version)
        return news

    def _is_news(self, endpoint_id: int, version: int) -> bool:
        if self._versions.get(endpoint_id, -1) >= version:
            return False
        self._versions[endpoint_id] = version
        if version == self.version + 1:
            self.version = version
        return True

    def _replace(self, account_id: int, members: dict[int, Endpoint]) -> None:
        self._by_account[account_id] = members
        self._matches[account_id] = matches(members.values())
