"""Users as they are kept: addresses, links that work once, sessions that end, and the owner who stays."""

from __future__ import annotations

from typing import Any

import pytest

from parcelhook.errors import Conflict, InvalidInput, NotFound
from parcelhook.store import users
from parcelhook.store.database import Database
from parcelhook.store.users import LINK_VALID_MS, LONGEST_EMAIL, SESSION_IDLE_MS, SESSION_LONGEST_MS, Role, User
from store.seeds import NOW

TOKEN = users.new_token()


def user(number: int, role: Role = Role.OWNER, *, account: int = 1) -> User:
    return User(id=number, account_id=account, email=f"u{number}@shop.example", role=role, time_zone="", created_ms=NOW)


def do(database: Database, what: Any, *given: Any, **named: Any) -> Any:
    """Call a function of the store in a transaction of its own."""
    return database.write_now(lambda transaction: what(transaction.sql, *given, **named))


@pytest.fixture
def people(database: Database) -> Database:
    """Two owners and a viewer of one account, and the owner of another."""
    for one in (user(1), user(2), user(3, Role.VIEWER), user(4, account=2)):
        do(database, users.add, one, f"hash {one.id}")
    return database


def test_each_role_reaches_itself_and_those_below() -> None:
    reached = {(role, needed) for role in Role for needed in Role if role.reaches(needed)}
    assert reached == {
        (Role.OWNER, Role.OWNER), (Role.OWNER, Role.MEMBER), (Role.OWNER, Role.VIEWER),
        (Role.MEMBER, Role.MEMBER), (Role.MEMBER, Role.VIEWER), (Role.VIEWER, Role.VIEWER),
    }  # fmt: skip


def test_an_address_is_kept_without_capitals_and_space() -> None:
    assert users.checked_email("  Anna@Shop.Example \n") == "anna@shop.example"
    longest = "a" * (LONGEST_EMAIL - 2) + "@b"
    assert users.checked_email(longest) == longest
    for wrong in ("", "@", "anna", "anna@", "@shop", "an na@shop", "anna@shop\x00", "anna@sh\u200bop", "a" + longest):
        with pytest.raises(InvalidInput):
            users.checked_email(wrong)


def test_who_is_there_is_found_by_address_and_by_account(database: Database) -> None:
    assert not do(database, users.any_user)
    do(database, users.add, user(1), "hash 1")
    assert do(database, users.any_user)
    assert do(database, users.by_email, "u1@shop.example") == (user(1), "hash 1")
    assert do(database, users.by_email, "u2@shop.example") is None
    assert do(database, users.of_account, 1) == [user(1)]
    assert do(database, users.of_account, 2) == []


def test_an_address_is_taken_for_all_accounts_until_its_user_is_removed(people: Database) -> None:
    again = User(id=9, account_id=2, email="u1@shop.example", role=Role.OWNER, time_zone="", created_ms=NOW)
    with pytest.raises(Conflict):
        do(people, users.add, again, "hash")
    do(people, users.remove, 1, 1, NOW)
    do(people, users.add, again, "hash 9")
    assert do(people, users.by_email, "u1@shop.example") == (again, "hash 9")
    assert [one.id for one in do(people, users.everyone)] == [2, 3, 4, 9]


def test_a_removed_user_is_out_and_no_link_lets_them_in(people: Database) -> None:
    do(people, users.add_session, TOKEN, 1, NOW)
    do(people, users.add_link, "link", users.invitation(1, NOW, user_id=1), NOW)
    do(people, users.remove, 1, 1, NOW)
    assert do(people, users.of_session, users.digest(TOKEN), NOW) is None
    assert do(people, users.link, users.digest("link"), NOW) is None
    assert do(people, users.by_email, "u1@shop.example") is None


def test_an_account_keeps_an_owner_and_touches_its_own_users_alone(people: Database) -> None:
    for what in (users.remove, users.set_role):
        last = NOW if what is users.remove else Role.MEMBER
        for number in (4, 99):
            with pytest.raises(NotFound):
                do(people, what, 1, number, last)
        with pytest.raises(Conflict):
            do(people, what, 2, 4, last)
    do(people, users.set_role, 1, 1, Role.VIEWER)
    do(people, users.set_role, 1, 2, Role.OWNER)
    with pytest.raises(Conflict):
        do(people, users.set_role, 1, 2, Role.MEMBER)
    assert [one.role for one in do(people, users.of_account, 1)] == [Role.VIEWER, Role.OWNER, Role.VIEWER]


@pytest.mark.parametrize(
    ("seen_ms", "now_ms", "open_"),
    [
        (NOW, NOW + SESSION_IDLE_MS, True),
        (NOW, NOW + SESSION_IDLE_MS + 1, False),
        (NOW + SESSION_LONGEST_MS, NOW + SESSION_LONGEST_MS, True),
        (NOW + SESSION_LONGEST_MS, NOW + SESSION_LONGEST_MS + 1, False),
    ],
)
def test_a_session_ends_when_nobody_uses_it_and_in_any_case_at_last(
    people: Database, seen_ms: int, now_ms: int, open_: bool
) -> None:
    do(people, users.add_session, TOKEN, 1, NOW)
    do(people, users.seen, users.digest(TOKEN), seen_ms)
    found = do(people, users.of_session, users.digest(TOKEN), now_ms)
    assert found == ((user(1), seen_ms) if open_ else None)
    do(people, users.add_session, "another", 2, now_ms)
    kept = do(people, lambda sql: sql.exec_driver_sql("SELECT count(*) FROM sessions").scalar_one())
    assert kept == (2 if open_ else 1), "those that are over are forgotten"


def test_logging_out_ends_one_session_and_a_new_password_all(people: Database) -> None:
    for token, number in (("a", 1), ("b", 1), ("c", 2)):
        do(people, users.add_session, token, number, NOW)
    do(people, users.add_link, "link", users.invitation(1, NOW, user_id=1), NOW)

    def open_() -> list[str]:
        return [token for token in "abc" if do(people, users.of_session, users.digest(token), NOW)]

    do(people, users.end_session, users.digest("a"))
    assert open_() == ["b", "c"]
    do(people, users.set_password, 1, "new")
    assert open_() == ["c"]
    assert do(people, users.link, users.digest("link"), NOW) is None
    assert do(people, users.by_email, "u1@shop.example") == (user(1), "new")


def test_a_link_works_once_and_not_for_ever(people: Database) -> None:
    made = users.invitation(1, NOW, email="new@shop.example", role=Role.MEMBER)
    do(people, users.add_link, TOKEN, made, NOW)
    known = users.digest(TOKEN)
    assert do(people, users.link, known, NOW + LINK_VALID_MS) == made
    assert do(people, users.link, known, NOW + LINK_VALID_MS + 1) is None
    assert do(people, users.pending_links, 1, NOW) == [made]
    assert do(people, users.pending_links, 2, NOW) == []
    do(people, users.use_link, known)
    assert do(people, users.link, known, NOW) is None
    with pytest.raises(NotFound):
        do(people, users.use_link, known)


def test_a_first_link_ends_when_anybody_comes_in_or_another_is_printed(database: Database) -> None:
    for token, account in (("first", 1), ("other", 2)):
        do(database, users.add_link, token, users.invitation(account, NOW), NOW)
    do(database, users.add_link, "named", users.invitation(1, NOW, email="new@shop.example"), NOW)
    assert do(database, users.pending_links, 1, NOW) == [users.invitation(1, NOW, email="new@shop.example")]
    do(database, users.add, user(1), "hash")

    def opens(token: str) -> bool:
        return do(database, users.link, users.digest(token), NOW) is not None

    assert [opens(token) for token in ("first", "named", "other")] == [False, True, True]


def test_what_is_kept_of_a_token_is_not_the_token(people: Database) -> None:
    do(people, users.add_session, TOKEN, 1, NOW)
    do(people, users.add_link, TOKEN, users.invitation(1, NOW), NOW)
    for table in ("sessions", "login_links"):
        (row,) = do(people, lambda sql, table=table: sql.exec_driver_sql(f"SELECT * FROM {table}").all())
        assert TOKEN.encode() not in row.digest
        assert TOKEN not in [str(value) for value in row]
