"""The files to deploy with: they can be read, and name only what is there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.nodes import cluster
from nats_server import Nats
from parcelhook.settings import CATALOGUE
from stores import Databases

DEPLOY = Path(__file__).parents[2] / "deploy"
SETTINGS = {f"PARCELHOOK_{setting.key}" for setting in CATALOGUE}
TEXTS = [path for path in sorted(DEPLOY.rglob("*")) if path.is_file() and path.suffix != ".pyc"]
CHART = DEPLOY / "helm" / "parcelhook"


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(DEPLOY)))
def test_every_setting_that_is_named_is_one(path: Path) -> None:
    named = set(re.findall(r"PARCELHOOK_[A-Z_]*[A-Z]", path.read_text(encoding="utf-8")))
    assert named <= SETTINGS


def test_compose_starts_nodes_of_both_roles_on_what_it_brings() -> None:
    services: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))["services"]
    roles = [
        service["environment"]["PARCELHOOK_ROLE"] for name, service in services.items() if name[:3] in {"api", "wor"}
    ]
    assert sorted(roles) == ["api", "api", "worker", "worker"]
    for service in services.values():
        for host in re.findall(r"(?:@|nats://)(\w+):", json.dumps(service.get("environment", {}))):
            assert host in services


def test_the_charts_templates_use_values_that_are_there_and_close_what_they_open() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    assert yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))["name"] == "parcelhook"
    for path in (CHART / "templates").iterdir():
        text = path.read_text(encoding="utf-8")
        for name in re.findall(r"\.Values\.([\w.]+)", text):
            found: Any = values
            for part in name.split("."):
                assert part in found, f"{path.name}: .Values.{name}"
                found = found[part]
        opened = re.findall(r"\{\{-? *(?:if|range|define|with)\b", text)
        assert len(opened) == len(re.findall(r"\{\{-? *end\b", text)), path.name
        plain = re.sub(
            r"\{\{.*?\}\}",
            "x",
            "\n".join(line for line in text.splitlines() if not re.match(r"\s*\{\{.*\}\}\s*$", line)),
        )
        if path.suffix == ".yaml":
            assert list(yaml.safe_load_all(plain)), path.name


def test_the_dashboard_draws_what_the_nodes_count(databases: Databases, tmp_path: Path) -> None:
    board = json.loads((DEPLOY / "grafana" / "parcelhook.json").read_text(encoding="utf-8"))
    asked = {
        name
        for panel in board["panels"]
        for target in panel["targets"]
        for name in re.findall(r"parcelhook_\w+", target["expr"])
    }
    with databases.one() as url, Nats(tmp_path / "nats") as nats, cluster(tmp_path, url, NATS_URL=nats.url) as nodes:
        nodes.start("all1")
        told = {
            line.split("{")[0].split(" ")[0] for line in nodes.metrics("all1").splitlines() if not line.startswith("#")
        }
    assert asked <= told
