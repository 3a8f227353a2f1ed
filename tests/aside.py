"""Something set aside, put straight into the store of a running server: through JetStream it takes a store that refuses."""

from __future__ import annotations

import msgspec

from parcelhook import times
from parcelhook.settings import load
from parcelhook.store import accounts, ids, set_aside
from parcelhook.store.database import Transaction, open_store
from parcelhook.store.ids import IdMaker
from parcelhook.store.set_aside import SetAside
from server import Server


def put_aside(server: Server, account: str, *, order: str = "1", reason: str = "It was refused.") -> str:
    """An Order Error of that account; its public id."""
    event = {"Event": "ORDER_ERROR", "OrderID": order, "TransactionID": f"{order}_1", "Message": "No."}
    number = IdMaker(250).next()

    def job(transaction: Transaction) -> None:
        account_id = accounts.ensure_account(transaction.sql, account, IdMaker(251), times.now_ms())
        one = SetAside(
            id=number, account_id=account_id, received_ms=times.now_ms(), reason=reason, events=1, body=msgspec.json.encode([event])
        )  # fmt: skip
        set_aside.insert(transaction.sql, one)

    settings = load({name: value for name, value in server.environment.items() if name.startswith("PARCELHOOK_")})
    database = open_store(settings.data, settings.database_url, beside=True)
    try:
        database.write_now(job)
    finally:
        database.close()
    return ids.public(ids.Prefix.SET_ASIDE, number)
