"""Coming in and going out: one-time links, passwords, too many tries, sessions that end, and what each role may do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from guard.visits import PASSWORD, POSTS, Visitor, belongings, browser, kept, login_link, token_in
from parcelhook import times
from parcelhook.store import accounts, ids, users
from parcelhook.store.database import open_store
from parcelhook.store.users import Role
from receiver import Receiver
from server import Server

WRONG = "This e-mail address and password do not belong together."


@pytest.fixture
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of one's own: it counts the wrong passwords from this address."""
    with Server(tmp_path_factory.mktemp("door")) as running:
        yield running


def open_link(client: httpx.Client, link: str, **fields: str) -> httpx.Response:
    """Use a one-time link."""
    page = client.get(link)
    token = token_in(page.text if page.status_code == 200 else client.get("/login").text)
    return client.post(link, data={"_csrf": token, "password": PASSWORD, **fields})


def log_in(client: httpx.Client, email: str, password: str = PASSWORD) -> httpx.Response:
    """Try to log in."""
    return client.post(
        "/login", data={"_csrf": token_in(client.get("/login").text), "email": email, "password": password}
    )


def words(page: str) -> str:
    """A page without its tokens and what was typed into it."""
    return re.sub(r'value="[^"]*"', "", page)


def test_the_first_start_prints_a_link_that_makes_the_first_owner_and_then_ends(door: Server) -> None:
    printed = next(line for line in door.output if line.startswith("Dashboard"))
    link = "/welcome/" + printed.rpartition("/welcome/")[2]
    client = browser(door)
    assert client.get(link).status_code == client.get(link).status_code == 200, "to look at it does not use it up"
    assert open_link(client, link, email="First@Shop.example").status_code == 303
    assert "first@shop.example" in client.get("/settings").text
    assert open_link(browser(door), link, email="second@shop.example").status_code == 404
    door.stop()
    door.output.clear()
    door.start()
    assert not [line for line in door.output if line.startswith("Dashboard")]
    client.base_url = httpx.URL(door.url)
    assert client.get("/webhooks").status_code == 200, "a restart logs nobody out"


def test_a_printed_link_ends_when_somebody_came_in_by_another(door: Server) -> None:
    printed = next(line for line in door.output if line.startswith("Dashboard"))
    link = "/welcome/" + printed.rpartition("/welcome/")[2]
    assert open_link(browser(door), login_link(door, "owner@shop.example", "default")).status_code == 303
    assert browser(door).get(link).status_code == 404


def test_a_link_that_was_used_or_is_too_old_looks_like_one_that_never_was(server: Server, visitor: Visitor) -> None:
    used = login_link(server, f"used-{visitor.email}", visitor.account, "member")
    assert open_link(browser(server), used).status_code == 303
    late = users.new_token()
    database = open_store(server.data, beside=True)
    now_ms = times.now_ms()

    def job(transaction: object) -> None:
        sql = transaction.sql  # type: ignore[attr-defined]
        account_id = accounts.ensure_account(sql, visitor.account, ids.IdMaker(), now_ms)
        link = users.invitation(
            account_id, now_ms - users.LINK_VALID_MS - 1, email="late@shop.example", role=Role.OWNER
        )
        users.add_link(sql, late, link, now_ms - users.LINK_VALID_MS)

    database.write_now(job)
    database.close()
    answers = [browser(server).get(link) for link in (used, f"/welcome/{late}", "/welcome/never")]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1
    assert "@" not in answers[0].text
    assert open_link(browser(server), f"/welcome/{late}").status_code == 404


def test_two_who_open_a_link_at_once_are_one(server: Server, visitor: Visitor) -> None:
    link = login_link(server, f"race-{visitor.email}", visitor.account, "member")
    clients = [browser(server) for _ in range(4)]
    tokens = [token_in(client.get(link).text) for client in clients]
    with ThreadPoolExecutor(4) as pool:
        tries = [
            pool.submit(client.post, link, data={"_csrf": token, "password": PASSWORD})
            for client, token in zip(clients, tokens, strict=True)
        ]
    assert sorted(one.result().status_code for one in tries) == [303, 404, 404, 404]


def test_a_password_has_ten_characters_and_a_link_survives_a_short_one(server: Server, visitor: Visitor) -> None:
    link = login_link(server, f"short-{visitor.email}", visitor.account, "viewer")
    client = browser(server)
    for password in ("", "short", "x" * 201):
        page = open_link(client, link, password=password)
        assert page.status_code == 200
        assert "A password has 10 to 200 characters" in page.text
    assert open_link(client, link).status_code == 303


def test_a_new_link_for_a_user_ends_their_sessions_and_their_other_links(server: Server, visitor: Visitor) -> None:
    first, second = (login_link(server, visitor.email, "ignored", "viewer") for _ in range(2))
    client = browser(server)
    assert "Choose a new password" in client.get(first).text
    assert open_link(client, first, password="another one altogether").status_code == 303
    assert client.get("/settings").status_code == 200
    assert ">owner<" in client.get("/settings").text or "owner" in client.get("/").text, "the role stays"
    assert visitor.get("/").status_code == 303
    assert browser(server).get(second).status_code == 404
    assert log_in(browser(server), visitor.email).status_code == 403
    assert log_in(browser(server), visitor.email, "another one altogether").status_code == 303


def test_an_unknown_user_and_a_wrong_password_get_the_same_answer(door: Server) -> None:
    known = Visitor(door)
    wrong, unknown = (
        log_in(browser(door), known.email, "not the password"),
        log_in(browser(door), "nobody@shop.example"),
    )
    assert wrong.status_code == unknown.status_code == 403
    assert WRONG in wrong.text
    assert words(wrong.text) == words(unknown.text)
    assert set(wrong.headers) == set(unknown.headers)


def test_after_five_wrong_passwords_even_the_right_one_waits_also_when_they_come_at_once(door: Server) -> None:
    known, other = Visitor(door), Visitor(door)
    clients = [browser(door) for _ in range(12)]
    tokens = [token_in(client.get("/login").text) for client in clients]
    with ThreadPoolExecutor(12) as pool:
        fields = {"email": known.email.upper(), "password": "a guess, one of many"}
        tries = [
            pool.submit(client.post, "/login", data={"_csrf": token, **fields})
            for client, token in zip(clients, tokens, strict=True)
        ]
    statuses = sorted(one.result().status_code for one in tries)
    assert statuses == [403] * 5 + [429] * 7
    refused = log_in(browser(door), known.email)
    assert refused.status_code == 429
    assert "Too many wrong passwords. Try again in 15 minutes" in refused.text or "in 14 minutes" in refused.text
    assert known.post("/settings/password", current="a guess", password="another password").status_code == 429
    assert known.get("/").status_code == 200, "a session is no try"
    assert log_in(browser(door), other.email).status_code == 303, "another user is not kept out"


def test_thirty_wrong_ones_close_the_door_to_an_address_and_right_ones_do_not_count(door: Server) -> None:
    known = Visitor(door)
    client = browser(door)
    for _ in range(3):
        assert log_in(client, known.email).status_code == 303
    for number in range(30):
        assert log_in(client, f"guess{number}@shop.example", "whatever it is").status_code == 403
    assert log_in(client, known.email).status_code == 429
    elsewhere = httpx.HTTPTransport(local_address="127.0.0.2", limits=httpx.Limits(max_keepalive_connections=0))
    with httpx.Client(base_url=door.url, transport=elsewhere) as other:
        assert log_in(other, known.email).status_code == 303


def test_logging_out_ends_the_session_in_the_store(server: Server, visitor: Visitor) -> None:
    session = visitor.client.cookies["parcelhook_session"]
    other = visitor.again()
    assert len(kept(server, visitor.account)["sessions"]) == 2
    answer = visitor.post("/logout")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert "parcelhook_session" not in visitor.client.cookies
    assert httpx.get(f"{server.url}/", cookies={"parcelhook_session": session}).status_code == 303
    assert len(kept(server, visitor.account)["sessions"]) == 1
    assert other.get("/").status_code == 200


def test_sessions_are_kept_as_hashes(server: Server, visitor: Visitor) -> None:
    session = visitor.client.cookies["parcelhook_session"]
    (row,) = kept(server, visitor.account)["sessions"]
    assert row[0] == users.digest(session)
    assert session.encode() not in row[0]


def test_a_changed_password_ends_every_session(server: Server, visitor: Visitor) -> None:
    other = visitor.again()
    wrong = visitor.post("/settings/password", current="not this one", password="a new one of length")
    assert "This is not your present password." in wrong.text
    assert other.get("/").status_code == 200
    changed = visitor.post("/settings/password", current=PASSWORD, password="a new one of length")
    assert (changed.status_code, changed.headers["location"]) == (303, "/login")
    assert visitor.get("/").status_code == other.get("/").status_code == 303
    assert kept(server, visitor.account)["sessions"] == []
    assert log_in(browser(server), visitor.email).status_code == 403
    assert log_in(browser(server), visitor.email, "a new one of length").status_code == 303


def test_a_member_cannot_touch_keys_and_users(server: Server, receiver: Receiver, visitor: Visitor) -> None:
    ids_of = belongings(visitor, receiver)
    member = Visitor(server, visitor.account, "member")
    before = kept(server, visitor.account)
    owners = [path for path in POSTS if path.startswith(("/settings/keys", "/settings/users"))]
    assert len(owners) == 6
    for path in owners:
        fields = {"name": "mine", "role": "owner", "email": "friend@shop.example"}
        assert member.post(path.format(**ids_of), **fields).status_code == 403, path
    assert kept(server, visitor.account) == before
    page = member.get("/settings").text
    assert ids_of["key_id"] not in page
    assert visitor.email not in page
    assert member.post(f"/webhooks/{ids_of['endpoint_id']}/pause").status_code == 303, "webhooks are theirs to change"


def test_a_role_counts_from_the_next_page_on(server: Server, visitor: Visitor) -> None:
    member = Visitor(server, visitor.account, "member")
    page = visitor.get("/settings").text
    number = re.findall(r"usr_\w{13}", page[page.index(member.email) :])[0]
    assert visitor.post(f"/settings/users/{number}/role", role="viewer").status_code == 303
    assert member.post("/webhooks/new", action="add_header").status_code == 403
    assert visitor.post(f"/settings/users/{number}/remove").status_code == 303
    assert member.get("/").status_code == 303
    assert log_in(browser(server), member.email).status_code == 403


def test_the_last_owner_stays(server: Server, visitor: Visitor) -> None:
    Visitor(server, visitor.account, "member")
    number = re.findall(r"usr_\w{13}", visitor.get("/settings").text)[0]
    before = kept(server, visitor.account)
    for path, fields in (
        (f"/settings/users/{number}/remove", {}),
        (f"/settings/users/{number}/role", {"role": "viewer"}),
    ):
        refused = visitor.post(path, **fields)
        assert refused.status_code == 409
        assert "is the only owner" in refused.text
    assert kept(server, visitor.account) == before
    Visitor(server, visitor.account, "owner")
    assert visitor.post(f"/settings/users/{number}/role", role="viewer").status_code == 303


def test_two_owners_who_remove_each_other_at_once_leave_one(server: Server, visitor: Visitor) -> None:
    other = Visitor(server, visitor.account, "owner")
    first, second = dict.fromkeys(re.findall(r"usr_\w{13}", visitor.get("/settings").text))
    tokens = visitor.token, other.token
    with ThreadPoolExecutor(2) as pool:
        tries = [
            pool.submit(who.client.post, f"/settings/users/{number}/remove", data={"_csrf": token})
            for who, number, token in ((visitor, second, tokens[0]), (other, first, tokens[1]))
        ]
    assert {one.result().status_code for one in tries} <= {303, 401, 409}
    assert sum(who.get("/").status_code == 200 for who in (visitor, other)) == 1
