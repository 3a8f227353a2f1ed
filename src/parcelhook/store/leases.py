"""Nodes and leases: which processes share a PostgreSQL store, and which of them delivers for which partition of endpoints.

All times are the database's own, so the nodes' clocks need not agree. Whoever changes leases holds one lock, for a few
milliseconds every other second: with every step the partitions are spread evenly over the workers that live.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, delete, func, or_, select, text, update

from parcelhook.errors import Conflict
from parcelhook.store.schema import leases, nodes
from parcelhook.webhooks.partitions import PARTITIONS

LEASE_MS: Final = 8_000
UPKEEP: Final = PARTITIONS  # two leases more, each a duty that one node has for all: to look after what is old,
INGEST: Final = PARTITIONS + 1  # and to take events from JetStream into the store
DUTIES: Final = {"upkeep": UPKEEP, "ingest": INGEST}
MOST_NODES: Final = 240  # at once; the numbers above are for those who join nothing, such as the command line
NUMBER_KEPT_MS: Final = 60_000  # a node's number is given to another no sooner: it is part of the ids that it made
_LOCK: Final = 0x6C6561736573


class Node(Struct, frozen=True, kw_only=True):
    """A process. `delivers` says whether it takes partitions."""

    name: str
    host: str
    role: str
    version: str
    delivers: bool


class Standing(Struct, frozen=True, kw_only=True):
    """Where a node stands after a step: what it owns, each with its fence, and which of that it should hand over."""

    number: int
    owned: Mapping[int, int]
    surplus: frozenset[int]
    duties: frozenset[int]
    workers: int


def join(connection: Connection, node: Node) -> int:
    """Become known; the node's number. Conflict if there are too many."""
    now_ms = _locked(connection)
    connection.execute(delete(nodes).where(nodes.c.expires_ms < now_ms - NUMBER_KEPT_MS))
    taken = set(connection.execute(select(nodes.c.number)).scalars())
    number = next((number for number in range(MOST_NODES) if number not in taken), None)
    if number is None:
        raise Conflict(f"{MOST_NODES} nodes share this store already, which is as many as can.")
    connection.execute(
        nodes.insert().values(
            number=number,
            name=node.name,
            host=node.host,
            role=node.role,
            version=node.version,
            started_ms=now_ms,
            expires_ms=now_ms + LEASE_MS,
        )
    )
    return number


def step(connection: Connection, node: Node) -> Standing:
    """Say that the node lives; renew what it owns, and take its share of what nobody does."""
    now_ms = _locked(connection)
    renewed = connection.execute(
        update(nodes).where(nodes.c.name == node.name).values(expires_ms=now_ms + LEASE_MS).returning(nodes.c.number)
    ).scalar()
    number = join(connection, node) if renewed is None else renewed
    mine = leases.c.owner == node.name
    connection.execute(update(leases).where(mine).values(expires_ms=now_ms + LEASE_MS))
    free = or_(leases.c.owner.is_(None), leases.c.expires_ms < now_ms)
    if not node.delivers:
        return Standing(number=number, owned={}, surplus=frozenset(), duties=frozenset(), workers=0)
    living = connection.execute(
        select(nodes.c.name)
        .where(nodes.c.role != "api", nodes.c.expires_ms >= now_ms)
        .order_by(nodes.c.started_ms, nodes.c.number)
    )
    workers = list(living.scalars())
    rank = workers.index(node.name)
    share = PARTITIONS // len(workers) + (rank < PARTITIONS % len(workers))
    partitions = leases.c.partition < UPKEEP
    owned = _owned(connection, node)
    if len(owned) < share:
        _take(connection, node, free & partitions, share - len(owned), now_ms)
        owned = _owned(connection, node)
    duties = leases.c.partition >= UPKEEP
    _take(connection, node, free & duties, len(DUTIES), now_ms)
    had = connection.execute(select(leases.c.partition).where(duties, mine)).scalars()
    return Standing(
        number=number,
        owned=owned,
        surplus=frozenset(sorted(owned)[share:]),
        duties=frozenset(had),
        workers=len(workers),
    )


def release(connection: Connection, node: Node, partitions: Collection[int]) -> None:
    """Give up partitions; whoever is to have them may take them now."""
    _locked(connection)
    mine = (leases.c.owner == node.name, leases.c.partition.in_(partitions))
    connection.execute(update(leases).where(*mine).values(owner=None, expires_ms=0))


def leave(connection: Connection, node: Node) -> None:
    """Give up everything and be known no more; the number stays apart for a while."""
    now_ms = _locked(connection)
    connection.execute(update(leases).where(leases.c.owner == node.name).values(owner=None, expires_ms=0))
    connection.execute(update(nodes).where(nodes.c.name == node.name).values(expires_ms=now_ms - 1))


def fences(connection: Connection, name: str, partitions: Collection[int]) -> dict[int, int]:
    """The fences of those of these partitions that the node owns; nobody takes them over before the transaction has ended."""
    query = select(leases.c.partition, leases.c.fence).where(leases.c.owner == name, leases.c.partition.in_(partitions))
    rows = connection.execute(query.order_by(leases.c.partition).with_for_update(read=True))
    return {partition: fence for partition, fence in rows}  # noqa: C416  (rows are not pairs to the type checker)


class NodeLine(Struct, frozen=True, kw_only=True):
    """A node that lives, and how many partitions it owns."""

    number: int
    host: str
    role: str
    version: str
    started_ms: int
    partitions: int


def living(connection: Connection) -> list[NodeLine]:
    """Every node that lives, by its number."""
    count = func.count(leases.c.partition)
    rows = connection.execute(
        select(nodes.c.number, nodes.c.host, nodes.c.role, nodes.c.version, nodes.c.started_ms, count.label("owned"))
        .outerjoin(leases, (leases.c.owner == nodes.c.name) & (leases.c.partition < UPKEEP))
        .where(nodes.c.expires_ms >= _clock(connection))
        .group_by(nodes.c.number)
        .order_by(nodes.c.number)
    )
    return [
        NodeLine(
            number=row.number,
            host=row.host,
            role=row.role,
            version=row.version,
            started_ms=row.started_ms,
            partitions=row.owned,
        )
        for row in rows
    ]


def _owned(connection: Connection, node: Node) -> dict[int, int]:
    query = select(leases.c.partition, leases.c.fence).where(leases.c.owner == node.name, leases.c.partition < UPKEEP)
    return {partition: fence for partition, fence in connection.execute(query)}  # noqa: C416


def _take(connection: Connection, node: Node, which: ColumnElement[bool], most: int, now_ms: int) -> None:
    """What somebody is still recording for is left to the next step: he may be cut off, and nobody waits for him."""
    found = connection.execute(
        select(leases.c.partition)
        .where(which)
        .order_by(leases.c.partition)
        .limit(most)
        .with_for_update(skip_locked=True)
    ).scalars()
    taking = update(leases).where(leases.c.partition.in_(list(found)))
    connection.execute(taking.values(owner=node.name, fence=leases.c.fence + 1, expires_ms=now_ms + LEASE_MS))


def _locked(connection: Connection) -> int:
    """Nobody else changes leases until the transaction has ended; the database's clock, in Unix milliseconds."""
    connection.execute(
        text("SET LOCAL idle_in_transaction_session_timeout = '2s'")
    )  # one that stands still stops no other
    connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    return _clock(connection)


def _clock(connection: Connection) -> int:
    return int(connection.execute(text("SELECT extract(epoch FROM clock_timestamp()) * 1000")).scalar_one())
