"""Who knocks too often: by user, by address, by network; and nothing is remembered for ever."""

from __future__ import annotations

import pytest

from parcelhook.dashboard import passwords
from parcelhook.dashboard.passwords import TRIES, TRIES_OF_ADDRESS, WINDOW_S, Doorkeeper
from parcelhook.errors import TooManyTries


class Clock:
    """The monotonic clock of the doorkeeper, in the test's hand."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock that stands still."""
    made = Clock()
    monkeypatch.setattr(passwords, "time", made)
    return made


def test_the_door_opens_again_after_the_time(clock: Clock) -> None:
    keeper = Doorkeeper()
    for _ in range(TRIES):
        keeper.knock("192.0.2.1", "a@x.example")
        clock.now += 10
    with pytest.raises(TooManyTries) as refused:
        keeper.knock("192.0.2.1", "a@x.example")
    assert refused.value.retry_after_s == WINDOW_S - TRIES * 10 + 1
    keeper.knock("192.0.2.2", "a@x.example")
    clock.now += refused.value.retry_after_s
    keeper.knock("192.0.2.1", "a@x.example")


def test_what_was_right_counts_neither_for_the_user_nor_for_the_address(clock: Clock) -> None:
    keeper = Doorkeeper()
    for number in range(TRIES_OF_ADDRESS * 3):
        keeper.knock("192.0.2.1", f"{number}@x.example")
        keeper.right("192.0.2.1", f"{number}@x.example")
    for number in range(TRIES_OF_ADDRESS):
        keeper.knock("192.0.2.1", f"{number}@x.example")
    with pytest.raises(TooManyTries):
        keeper.knock("192.0.2.1", "another@x.example")


def test_a_network_of_ipv6_is_one_address(clock: Clock) -> None:
    keeper = Doorkeeper()
    for number in range(TRIES):
        keeper.knock(f"2001:db8::{number:x}:1", "a@x.example")
    with pytest.raises(TooManyTries):
        keeper.knock("2001:db8::ffff:2", "a@x.example")
    keeper.knock("2001:db8:0:1::1", "a@x.example")
    keeper.knock("fe80::1%eth0", "a@x.example")


def test_what_is_too_old_is_forgotten_when_there_is_much(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "MOST_DOORS", 100)
    keeper = Doorkeeper()
    for number in range(200):
        keeper.knock(f"192.0.2.{number}", "a@x.example")
        clock.now += WINDOW_S / 20
        keeper.knock("198.51.100.1", "b@x.example")
        keeper.right("198.51.100.1", "b@x.example")
    assert len(keeper._tries) <= 102
