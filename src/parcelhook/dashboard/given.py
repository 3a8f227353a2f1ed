"""What a route may ask for: the platform, who is logged in, the id in its path."""

from __future__ import annotations

from typing import Any

from litestar import Request
from litestar.di import NamedDependency
from litestar.params import FromPath

from parcelhook.dashboard.visitors import Visitor
from parcelhook.delivery.platform import Platform

ThePlatform = NamedDependency[Platform]
Who = NamedDependency[Visitor]
PathId = FromPath[str]
Asked = Request[Any, Any, Any]
