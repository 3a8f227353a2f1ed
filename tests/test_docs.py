"""The documentation tells the truth: generated pages are fresh, links lead somewhere, snippets run."""

from __future__ import annotations

import importlib.util
import json
import re
import threading
import time
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from parcelhook.api.app import described
from parcelhook.api.reference import error_codes
from parcelhook.carriers.catalogue import HUBS
from parcelhook.carriers.hub import BadSignature, Inbound, NotUnderstood
from parcelhook.cli.importing.lines import Good, Refused
from parcelhook.cli.importing.reading import read
from parcelhook.edge.giving import read_event
from parcelhook.receiving import verify
from parcelhook.settings import CATALOGUE
from parcelhook.shipping.events import EventKind, TrackingUpdate, encode, sample
from parcelhook.shipping.status import Status
from parcelhook.webhooks.signature import Signer, new_secret

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.glob("*.md"), ROOT / "README.md", ROOT / "CHANGELOG.md"])


def blocks(page: str, language: str) -> list[str]:
    return re.findall(
        rf"^```{language}\n(.*?)^```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )


def test_generated_pages_are_fresh() -> None:
    specification = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert specification is not None
    assert specification.loader is not None
    generate = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(generate)
    for name, text in generate.pages().items():
        assert (DOCS / name).read_text(encoding="utf-8") == text, f"{name} is stale: run `make docs`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


def test_every_setting_and_error_has_its_heading() -> None:
    settings = (DOCS / "settings.md").read_text(encoding="utf-8")
    assert all(f"## PARCELHOOK_{setting.key}\n" in settings for setting in CATALOGUE)
    errors = (DOCS / "errors.md").read_text(encoding="utf-8")
    assert all(f"## {code}\n" in errors for code, *_ in error_codes())


def test_every_field_of_every_event_is_told() -> None:
    page = (DOCS / "events.md").read_text(encoding="utf-8")
    for name in ("OrderShipped", "OrderError", "TrackingUpdate"):
        for field in described().document["components"]["schemas"][name]["properties"]:
            assert f"`{field}`" in page, field


def test_the_sample_of_the_page_is_the_real_one() -> None:
    (shown,) = blocks("events.md", "json")
    assert json.loads(shown) == json.loads(encode(sample(EventKind.TRACKING_UPDATE)))


def test_the_page_on_shipments_has_every_status_with_its_code() -> None:
    page = (DOCS / "shipments.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| `(\w+)` \| (–|\d) \|", page, re.MULTILINE)
    assert sorted(told) == sorted((status.value, str(status.code or "–")) for status in Status)


def test_the_short_update_of_the_page_is_enough() -> None:
    (shown,) = blocks("shipments.md", "json")
    assert isinstance(read_event(shown.encode()), TrackingUpdate)


def test_the_files_of_the_page_on_importing_are_read_to_the_last_line() -> None:
    files = [*blocks("importing.md", "csv"), blocks("importing.md", "json")[0]]
    assert len(files) == 4
    for text in files:
        found = list(read(text.encode().splitlines(keepends=True)))
        assert len(found) >= 2
        assert all(isinstance(one, Good) for one in found), found


def test_the_refused_line_of_the_page_is_refused_with_these_words() -> None:
    shown = json.loads(blocks("importing.md", "json")[1])
    header = blocks("importing.md", "csv")[1].splitlines()[0]
    (refused,) = read([f"{header}\n".encode(), shown["original"].encode()])
    assert isinstance(refused, Refused)
    assert (refused.field, refused.value, refused.reason, refused.remedy) == (
        shown["field"], shown["value"], shown["reason"], shown["remedy"],
    )  # fmt: skip


def test_every_module_of_the_house_stands_in_the_architecture() -> None:
    page = (DOCS / "architecture.md").read_text(encoding="utf-8")
    for folder in ("shipping", "carriers", "webhooks", "store", "delivery", "cli/importing"):
        for module in (ROOT / "src" / "parcelhook" / folder).glob("*.py"):
            if module.stem != "__init__":
                assert module.stem in page, f"{folder}/{module.name} is not in docs/architecture.md"


def test_every_word_of_every_hub_stands_in_its_page() -> None:
    page = (DOCS / "hubs.md").read_text(encoding="utf-8")
    for hub in HUBS.values():
        section = page.partition(f"\n## {hub.title}\n")[2].partition("\n## ")[0]
        for words in hub.words.table:
            assert all(f"`{word}`" in section for word in words if word), (hub.name, words)


def test_the_hub_of_the_guide_works() -> None:
    (shown,) = blocks("adding-a-hub.md", "json")
    module, its_test = blocks("adding-a-hub.md", "python")
    made: dict[str, Any] = {"__name__": "parcelway"}
    exec(module, made)
    hub, body = made["HUB"], shown.encode()
    made["sample"] = body
    exec(its_test, made)
    made["test_parcelway_tells_its_history"]()
    headers = {"parcelway-signature": made["signature"](body, "key")}
    hub.verify(Inbound(headers=headers, body=body, now_s=0), "key")
    for secret, given in (("key", body + b" "), ("other", body), ("", body)):
        with pytest.raises(BadSignature):
            hub.verify(Inbound(headers=headers, body=given, now_s=0), secret)
    with pytest.raises(NotUnderstood):
        hub.read(b"{}")
    assert hub.read(b'{"type": "invoice.made"}').note == "`invoice.made` is not about tracking."


def test_the_receiver_of_the_documentation_receives(capsys: pytest.CaptureFixture[str]) -> None:
    secret = new_secret(b"k" * 24)
    whole, with_flask, by_hand = blocks("receiving.md", "python")
    compile(with_flask, "receiving.md", "exec")
    module: dict[str, Any] = {}
    exec(whole.replace("whsec_...", secret), module)
    exec(by_hand, module)
    module["Receiver"].log_message = lambda *_: None
    with ThreadingHTTPServer(("127.0.0.1", 0), module["Receiver"]) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}/"
        body = encode(sample(EventKind.TRACKING_UPDATE))
        now = int(time.time())
        headers = {
            "webhook-id": "evt_1",
            "webhook-timestamp": str(now),
            "webhook-signature": Signer((secret,)).sign("evt_1", now, body),
        }
        assert verify(secret, headers, body).id == "evt_1"
        for _ in range(2):
            answer = httpx.post(url, content=body, headers=headers)
            assert (answer.status_code, answer.json()) == (200, {"ok": True})
        assert capsys.readouterr().out == "TRACKING_UPDATE 24957298\n"
        assert httpx.post(url, content=body + b" ", headers=headers).status_code == 401
        assert module["is_genuine"](secret, headers, body)
        assert not module["is_genuine"](secret, headers, body + b" ")
        server.shutdown()
