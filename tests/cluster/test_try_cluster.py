"""`make cluster` from beginning to end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_small_cluster_starts_does_the_main_job_and_leaves_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "deploy/cluster.py", "--exit-after", "--shipments", "1", "--pace", "0", "--port", "18480"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT / "tests"), "TMPDIR": str(tmp_path)},
        capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All arrived" in done.stdout
    assert list(tmp_path.iterdir()) == []
