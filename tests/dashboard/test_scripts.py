"""The scripts of the pages hold to their types, by the strictest rules of the type checker that they are written for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
NODE = Path(sys.executable).parent / "node"


def test_the_scripts_hold_to_their_types() -> None:
    checked = subprocess.run(
        [NODE, HERE / "node_modules/typescript/bin/tsc", "--project", HERE, "--pretty", "false"],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
