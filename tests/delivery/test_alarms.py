"""Alarms: the earliest moment of each endpoint, once."""

from __future__ import annotations

from parcelhook.delivery.alarms import Alarms


def test_each_rings_once_and_at_its_earliest() -> None:
    alarms = Alarms()
    for endpoint, when in ((1, 50), (2, 20), (1, 70), (1, 30), (3, None)):
        alarms.set(endpoint, when)
    assert (alarms.first_ms(100), alarms.first_ms(10)) == (20, 10)
    assert list(alarms.ringing(19)) == []
    assert list(alarms.ringing(30)) == [2, 1]
    assert 3 not in list(alarms.ringing(1_000))
    assert alarms.first_ms(5) == 5


def test_after_it_rang_it_may_be_set_anew() -> None:
    alarms = Alarms()
    alarms.set(1, 10)
    assert list(alarms.ringing(10)) == [1]
    alarms.set(1, 40)
    assert alarms.first_ms(100) == 40
