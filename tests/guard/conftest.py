"""Somebody who is logged in, with an account of their own."""

from __future__ import annotations

import pytest

from guard.visits import Visitor
from server import Server


@pytest.fixture
def visitor(server: Server) -> Visitor:
    """An owner."""
    return Visitor(server)
