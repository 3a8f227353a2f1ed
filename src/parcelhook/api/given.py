"""What a route may ask for: the platform, the account whose key the request carries, the id in its path."""

from __future__ import annotations

from litestar.di import NamedDependency
from litestar.params import FromPath

from parcelhook.delivery.platform import Platform

ThePlatform = NamedDependency[Platform]
TheAccount = NamedDependency[int]
PathId = FromPath[str]
