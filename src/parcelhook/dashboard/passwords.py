"""Passwords: hashed by argon2id, checked a few at a time, and not too often for one door."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from parcelhook.errors import InvalidInput, TooManyTries

SHORTEST = 10  # characters
LONGEST = 200
TRIES = 5  # wrong passwords for one user from one address (of IPv6: one network), and
TRIES_OF_ADDRESS = 30  # from one address for any user, within
WINDOW_S = 900.0
MOST_DOORS = 10_000  # remembered at once


class Passwords:
    """Hashes and checks on threads of its own: each takes tens of milliseconds and megabytes, on purpose."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="password")
        self._nobody = self._hasher.hash("nobody has this one")

    async def hash(self, password: str) -> str:
        """What is kept of a password; InvalidInput if it is too short or too long."""
        checked(password)
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._hasher.hash, password)

    async def fits(self, known: str | None, password: str) -> bool:
        """Whether the password is the one. Without a user (None) it takes as long, so that nobody learns who there is."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._fits, known, password[:LONGEST])

    def _fits(self, known: str | None, password: str) -> bool:
        try:
            self._hasher.verify(known or self._nobody, password)
        except (VerificationError, InvalidHashError):
            return False
        return known is not None


def checked(password: str) -> None:
    """Raise InvalidInput if a password cannot be taken."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise InvalidInput(
            f"A password has {SHORTEST} to {LONGEST} characters, not {len(password)}.",
            field="password", remedy="Use a longer one; a few words are easy to remember.",
        )  # fmt: skip


class Doorkeeper:
    """Counts tries at passwords and makes whoever gives too many wrong ones wait. Belongs to the event loop."""

    def __init__(self) -> None:
        self._tries: dict[tuple[str, str], deque[float]] = {}

    def knock(self, address: str, email: str) -> None:
        """Note a try, before its password is looked at: a hundred at once are a hundred. TooManyTries if it may not be looked at."""
        now = time.monotonic()
        doors = self._doors(address, email)
        for door, most in doors:
            tries = self._recent(door, now)
            if len(tries) >= most:
                wait_s = int(tries[0] + WINDOW_S - now) + 1
                raise TooManyTries(
                    f"Too many wrong passwords. Try again in {max(1, wait_s // 60)} minutes, or ask an owner for a new link.",
                    retry_after_s=wait_s,
                )
        if len(self._tries) > MOST_DOORS:
            self._tries = {door: tries for door in list(self._tries) if (tries := self._recent(door, now))}
        for door, _ in doors:
            self._tries.setdefault(door, deque()).append(now)

    def right(self, address: str, email: str) -> None:
        """The password was right: forget the tries for that user, and this one from that address."""
        (of_user, _), (of_address, _) = self._doors(address, email)
        self._tries.pop(of_user, None)
        if tries := self._tries.get(of_address):
            tries.pop()

    def _doors(self, address: str, email: str) -> tuple[tuple[tuple[str, str], int], tuple[tuple[str, str], int]]:
        # Whoever has an IPv6 address has a network of them.
        if ":" in address:
            address = str(ip_network((address.partition("%")[0], 64), strict=False))
        return ((address, email), TRIES), ((address, ""), TRIES_OF_ADDRESS)

    def _recent(self, door: tuple[str, str], now: float) -> deque[float]:
        tries = self._tries.get(door, deque())
        while tries and tries[0] <= now - WINDOW_S:
            tries.popleft()
        return tries
