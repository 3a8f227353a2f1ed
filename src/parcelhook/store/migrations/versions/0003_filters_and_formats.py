"""Filters and formats: what an endpoint wants of its events, and in which form they were sent"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Forward only. What is there wants everything, and got the page's body."""
    op.add_column("endpoints", sa.Column("filters", sa.Text(), nullable=False, server_default="{}"))
    op.add_column("endpoints", sa.Column("format", sa.Text(), nullable=False, server_default="page"))
    op.add_column("exchanges", sa.Column("format", sa.Text()))
