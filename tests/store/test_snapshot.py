"""A question of several statements is answered from one moment, whatever is committed in the meantime."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, text

from parcelhook.store.database import Database, Transaction


def counted(connection: Connection) -> int:
    return int(connection.execute(text("SELECT count(*) FROM accounts")).scalar_one())


def add(transaction: Transaction) -> None:
    transaction.sql.exec_driver_sql("INSERT INTO accounts (id, name, created_ms) VALUES (1, 'shop', 0)")


def test_a_question_does_not_see_what_is_committed_while_it_is_answered(database: Database) -> None:
    def look(connection: Connection) -> tuple[int, int]:
        before = counted(connection)
        database.write_now(add)
        return before, counted(connection)

    assert database.read_now(look) == (0, 0)
    assert database.read_now(counted) == 1


def test_a_question_that_fails_leaves_nothing_open(database: Database) -> None:
    def look(connection: Connection) -> int:
        counted(connection)
        raise LookupError

    for _ in range(20):
        with pytest.raises(LookupError):
            database.read_now(look)
    database.write_now(add)
    assert database.read_now(counted) == 1
