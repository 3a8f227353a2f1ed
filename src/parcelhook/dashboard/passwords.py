"""Passwords: hashed by argon2id, checked a few at a time, and not too often for one door."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from parcelhook.errors import InvalidInput, TooManyTries

SHORTEST = 10  # characters
LONGEST = 200
TRIES = 5  # wrong passwords for one user from one address, and
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
    """Counts wrong passwords and makes whoever gives too many wait. Belongs to the event loop."""

    def __init__(self) -> None:
        self._wrong: dict[tuple[str, str], deque[float]] = {}

    def check(self, address: str, email: str) -> None:
        """TooManyTries if this door is closed for now."""
        now = time.monotonic()
        for door, most in (((address, email), TRIES), ((address, ""), TRIES_OF_ADDRESS)):
            times = self._wrong.get(door, deque())
            while times and times[0] <= now - WINDOW_S:
                times.popleft()
            if len(times) >= most:
                wait_s = int(times[0] + WINDOW_S - now) + 1
                raise TooManyTries(
                    f"Too many wrong passwords. Try again in {max(1, wait_s // 60)} minutes, or ask an owner for a new link.",
                    retry_after_s=wait_s,
                )

    def wrong(self, address: str, email: str) -> None:
        """Note a wrong password."""
        if len(self._wrong) > MOST_DOORS:
            self._wrong = {
                door: times for door, times in self._wrong.items() if times[-1] > time.monotonic() - WINDOW_S
            }
        for door in ((address, email), (address, "")):
            self._wrong.setdefault(door, deque()).append(time.monotonic())

    def right(self, address: str, email: str) -> None:
        """Forget the wrong ones for that user."""
        self._wrong.pop((address, email), None)
