"""The commands, as a person types them, against a real server."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from parcelhook.carriers import easypost
from receiver import Receiver, answer
from server import Server

SAMPLE = Path(__file__).parent.parent / "carriers" / "samples" / "easypost-tracker-updated.json"
Done = subprocess.CompletedProcess[str]


class Shell:
    """Runs `parcelhook` as one account."""

    def __init__(self, server: Server, key: str) -> None:
        self._environment = os.environ | {"PARCELHOOK_URL": server.url, "PARCELHOOK_API_KEY": key, "COLUMNS": "200"}

    def __call__(self, *words: str, given: str | None = None) -> Done:
        command = [sys.executable, "-m", "parcelhook.cli.main", *words]
        return subprocess.run(
            command, env=self._environment, input=given, capture_output=True, text=True, timeout=30, check=False
        )


@pytest.fixture
def shell(server: Server) -> Shell:
    """A shell with an account of its own."""
    with server.account() as client:
        return Shell(server, client.headers["authorization"].removeprefix("Bearer "))


def test_from_adding_to_deleting(shell: Shell, receiver: Receiver) -> None:
    added = shell(
        "endpoints", "add", "--url", receiver.url(), "--event", "order_shipped", "--event", "order_error", "--retry",
        "--count-of-retry", "5", "--header", "X-Key: abc", "--username", "u", "--password", "geheim",
    )  # fmt: skip
    assert added.returncode == 0, added.stderr
    for word in ("POST", "x-webhook-test: true", "200 OK", "Time Spent", "passed", "Saved as ep_"):
        assert word in added.stdout
    assert "geheim" not in added.stdout
    endpoint = added.stdout.split("Saved as ")[1].split(".")[0]
    assert receiver.url() in shell("endpoints", "list").stdout
    shown = shell("endpoints", "show", endpoint).stdout
    assert "Count of Retry 5" in shown
    assert "X-Key" in shown
    edited = json.loads(shell("endpoints", "edit", endpoint, "--no-retry", "--json").stdout)
    assert edited["retry"] is False
    assert shell("send", "--sample", "order_shipped").stdout.startswith("accepted evt_")
    receiver.wait_for(1)
    assert shell("endpoints", "test", endpoint, "--event", "order_error").returncode == 0
    assert "disabled" in shell("endpoints", "disable", endpoint).stdout
    assert "active" in shell("endpoints", "enable", endpoint).stdout
    assert shell("endpoints", "secret", endpoint).stdout.startswith("whsec_")
    assert "signs too until" in shell("endpoints", "secret", endpoint, "--rotate").stdout
    assert "Deleted" in shell("endpoints", "delete", endpoint, "--yes").stdout
    assert "No endpoint yet" in shell("endpoints", "list").stdout


def test_filters_and_format_on_the_command_line(shell: Shell, receiver: Receiver) -> None:
    feed = [
        {"Event": "ORDER_ERROR", "OrderID": str(n), "Message": "m", "TrackingCarrier": c} for n, c in enumerate("GGDDD")
    ]
    shell("send", "-", given=json.dumps(feed))
    counted = shell("endpoints", "matching", "--event", "order_error", "--carrier", "g", "--carrier", "x")
    assert counted.stdout == "2 of the last day's 5 events would have been sent.\n"
    assert json.loads(shell("endpoints", "matching", "--carrier", "D", "--json").stdout)["matching"] == 3
    added = shell(
        "endpoints", "add", "--url", receiver.url(), "--event", "order_error", "--no-verify", "--json", "--carrier", "G",
        "--to-country", "it", "--code", "6", "--late", "yes", "--returns", "none", "--format", "cloudevents",
    )  # fmt: skip
    endpoint = json.loads(added.stdout)["id"]
    shown = shell("endpoints", "show", endpoint).stdout
    assert "carrier G; to IT; code 6 Delivered; late; no returns" in shown
    assert "cloudevents" in shown
    shell("endpoints", "edit", endpoint, "--carrier", "D", "--late", "any", "--format", "page")
    shown = shell("endpoints", "show", endpoint).stdout
    assert "carrier D; to IT; code 6 Delivered; no returns" in shown
    assert "cloudevents" not in shown
    shell("endpoints", "edit", endpoint, "--no-filters", "--marketplace", "Amazon")
    assert "  marketplace Amazon\n" in shell("endpoints", "show", endpoint).stdout
    assert "Filters        -" in shell("endpoints", "edit", endpoint, "--no-filters").stdout
    wrong = shell("endpoints", "edit", endpoint, "--to-country", "Italy")
    assert (wrong.returncode, "two letters" in wrong.stderr) == (1, True)
    assert shell("endpoints", "edit", endpoint, "--late", "perhaps").returncode == 2


def test_a_failed_first_connection_shows_the_exchange_and_the_remedy(shell: Shell, receiver: Receiver) -> None:
    receiver.behave(answer(500))
    refused = shell("endpoints", "add", "--url", receiver.url(), "--event", "order_shipped")
    assert refused.returncode == 1
    assert "HTTP response code is 500, it must be 200" in refused.stdout
    assert "What to do" in refused.stdout
    assert "Not saved" in refused.stdout
    as_json = shell("endpoints", "add", "--url", receiver.url(), "--event", "order_shipped", "--json")
    assert (as_json.returncode, json.loads(as_json.stdout)["code"]) == (1, "verification_failed")


def test_send_reads_one_many_and_a_line_each(shell: Shell, tmp_path: Path) -> None:
    one = {"Event": "ORDER_ERROR", "OrderID": "1", "Message": "m"}
    file = tmp_path / "events.json"
    for text, count in (
        (json.dumps(one), 1),
        (json.dumps([one] * 3), 3),
        (json.dumps(one) + "\n\n" + json.dumps(one), 2),
    ):
        file.write_text(text)
        assert shell("send", str(file)).stdout.count("accepted") == count
        assert len(json.loads(shell("send", "-", "--json", given=text).stdout)["accepted"]) == count
    file.write_text(json.dumps(one) + "\n{")
    broken = shell("send", str(file))
    assert (broken.returncode, "Line 2" in broken.stderr) == (1, True)
    assert "cannot be read" in shell("send", str(tmp_path / "nowhere")).stderr
    wrong = shell("send", "-", given='{"Event": "ORDER_ERROR", "OrderID": 1, "Message": "m"}')
    assert wrong.returncode == 1
    assert "OrderID" in wrong.stderr


def test_logs_in_a_table_in_lines_as_json_and_one_whole(shell: Shell, receiver: Receiver) -> None:
    assert "No attempt matches" in shell("logs").stdout
    receiver.behave(answer(403), "/bad")
    shell("endpoints", "add", "--url", receiver.url("/bad"), "--event", "order_error", "--no-verify", "--no-retry")
    shell("send", "-", given='{"Event": "ORDER_ERROR", "OrderID": "771", "Message": "m"}')
    deadline = time.monotonic() + 15
    while not (found := shell("logs", "--json", "--result", "failed").stdout):
        assert time.monotonic() < deadline
    line = json.loads(found)
    shown = shell("logs", "--order", "771").stdout
    for column in (
        "Date End",
        "Order ID",
        "Transaction ID",
        "Carrier",
        "Endpoint",
        "Result",
        "Retry",
        "Time Spent",
        "Request",
        "Response",
    ):
        assert column in shown
    assert "failed 403" in shown
    whole = shell("logs", "show", line["id"]).stdout
    assert "HTTP response code is 403, it must be 200. Please Retry!" in whole
    assert "webhook-signature" in whole
    assert shell("logs", "--export", "csv").stdout.startswith("Date,Date End,Order ID")
    assert "colour" in shell("logs", "--event", "colour").stderr


def test_a_hub_from_connecting_to_disconnecting(shell: Shell, tmp_path: Path) -> None:
    added = shell("hubs", "add", "easypost", "--label", "US")
    assert added.returncode == 0, added.stderr
    hub = added.stdout.split("connected as ")[1].split(".")[0]
    assert "/inbound/easypost/" in added.stdout
    assert "not verified" in added.stdout
    assert "not a hub" in shell("hubs", "add", "pigeon").stderr
    assert "key set" in shell("hubs", "add", "shipengine").stderr
    secret = tmp_path / "secret"
    secret.write_text("geheim\n", encoding="utf-8")
    assert shell("hubs", "edit", hub, "--secret-file", str(secret)).returncode == 0
    listed = shell("hubs", "list").stdout
    assert "EasyPost" in listed
    assert "geheim" not in listed
    url = json.loads(shell("hubs", "show", hub, "--json").stdout)["url"]
    body = SAMPLE.read_bytes()
    signed = {"X-Hmac-Signature": easypost.signature(body, "geheim")}
    assert httpx.post(url, content=body, headers=signed).status_code == 200
    assert httpx.post(url, content=body).status_code == 401
    shown = shell("hubs", "show", hub).stdout
    assert "accepted" in shown
    assert "refused" in shown
    tried = shell("hubs", "try", "easypost", str(SAMPLE)).stdout
    assert "out_for_delivery" in tried or "in_transit" in tried
    assert "description" in shell("hubs", "try", "easypost", "-", given="{}").stderr
    assert shell("hubs", "remove", hub).returncode == 0
    assert "No hub is connected" in shell("hubs", "list").stdout


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("endpoints", "add", "--url", "http://x/", "--event", "parcel_lost"), 1, "parcel_lost"),
        (
            ("endpoints", "add", "--url", "http://x/", "--event", "order_error", "--count-of-retry", "11"),
            1,
            "0 to 10, not 11",
        ),
        (("endpoints", "add", "--url", "http://x/", "--header", "no colon"), 2, "colon"),
        (("endpoints", "show", "ep_nothing"), 1, "nothing under the id"),
        (("send",), 2, "FILE"),
        (("send", "--sample", "x"), 2, "order_shipped"),
        (("nonsense",), 2, "nonsense"),
    ],
)
def test_mistakes_are_told_in_a_sentence(shell: Shell, words: tuple[str, ...], code: int, said: str) -> None:
    done = shell(*words)
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_server_and_without_a_key(server: Server) -> None:
    lost = Shell(server, "k" * 20)
    lost._environment["PARCELHOOK_URL"] = "http://127.0.0.1:1"
    assert "parcelhook serve" in lost("endpoints", "list").stderr
    lost._environment["PARCELHOOK_API_KEY"] = ""
    assert "PARCELHOOK_API_KEY" in lost("endpoints", "list").stderr


def test_what_an_operator_does_beside_the_server(server: Server) -> None:
    operator = Shell(server, "")
    operator._environment = {**server.environment, "COLUMNS": "200"}
    assert "PARCELHOOK_PORT = 0" in operator("settings").stdout
    assert "up to date" in operator("migrate").stdout
    assert "rows deleted" in operator("prune").stdout
    key = operator("keys", "create", "--account", "beside").stdout.strip()
    with server.client(key) as client:
        assert client.get("/v1/endpoints").status_code == 200
    listed = operator("keys", "list").stdout
    assert "beside" in listed
    assert key not in listed
    assert "no working API key" in operator("keys", "revoke", "key_nothing").stderr
    assert len(operator("keys", "secret").stdout.strip()) == 44
    operator._environment["PARCELHOOK_PORT"] = "http"
    bad = operator("serve")
    assert (bad.returncode, "PARCELHOOK_PORT is a number" in bad.stderr) == (1, True)


def test_the_first_start_shows_a_key_once(tmp_path: Path) -> None:
    first = Server(tmp_path / "data", API_KEY="")
    with first:
        (line,) = [line for line in first.output if line.startswith("API key (shown this once): phk_")]
        with first.client(line.rpartition(" ")[2]) as client:
            assert client.get("/v1/endpoints").status_code == 200
        assert first.stop() == 0
    with Server(tmp_path / "data", API_KEY="") as second:
        assert not any("API key" in line for line in second.output)


def test_the_demo_runs_and_a_second_one_goes_on_with_the_same_data(tmp_path: Path) -> None:
    clean = {name: text for name, text in os.environ.items() if not name.startswith("PARCELHOOK_")}
    command = [
        sys.executable,
        "-m",
        "parcelhook.cli.main",
        "demo",
        "--data",
        str(tmp_path / "data"),
        "--port",
        "0",
        "--pace",
        "0",
    ]
    first = subprocess.run(
        [*command, "--exit-after"], env=clean, capture_output=True, text=True, timeout=90, check=False
    )
    assert first.returncode == 0, first.stdout + first.stderr
    for word in (
        "48572_1",
        "Order Shipped",
        "Tracking Update",
        "Order Error",
        "(return)",
        "passed 200",
        "failed 500",
        "Retry 1",
        "7 scans, 7 new. The same request once more: 7 scans, 0 new.",
        "All arrived",
        "/docs",
    ):
        assert word in first.stdout, word
    key = first.stdout.split("Key        ")[1].split("\n")[0]
    second = subprocess.Popen([*command, "--shipments", "1"], env=clean, stdout=subprocess.PIPE, text=True)
    assert second.stdout is not None
    said = ""
    for line in second.stdout:
        said += line
        if "Serving until Ctrl-C" in line:
            break
    assert key in said
    assert "Connecting a webhook" not in said, "it is connected already"
    url = said.split("API        ")[1].split("\n")[0]
    shown = json.loads(said.split("-d '")[1].split("'\n")[0])
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}) as client:
        event = client.post("/v1/events", json=shown).json()["accepted"][0]["id"]
        assert client.get(f"/v1/events/{event}").json()["deliveries"], "what it shows to send is sent to the merchant"
    second.send_signal(signal.SIGINT)
    assert second.wait(30) == 0
    second.stdout.close()


def test_insights_as_tables_and_as_json(shell: Shell) -> None:
    now = int(time.time())
    scans = [
        {"Event": "TRACKING_UPDATE", "TransactionID": "i_1", "tracking": "N1", "TrackingCarrier": "GLS", "date": now - ago,
         "code": code, "message": "m", "FromAddressCountry": "IT", "ToAddressCountry": "DE"}
        for code, ago in ((2, 5 * 86_400), (6, 3_600))
    ] + [
        {"Event": "TRACKING_UPDATE", "TransactionID": "i_2", "tracking": "N2", "TrackingCarrier": "DHL",
         "date": now - 4 * 86_400, "code": 2, "message": "m"}
    ]  # fmt: skip
    assert shell("send", "-", given=json.dumps(scans)).returncode == 0
    told = shell("insights", "tracking")
    assert told.returncode == 0, told.stderr
    assert re.search(r"Range +2\d{3}-\d\d-\d\d \d\d:00 to .* UTC\n", told.stdout)
    assert re.search(r"On the way +1 now, 0 of them late, 1 without a scan for 3 days", told.stdout)
    assert re.search(r"IT > DE +1 +median 5.0 days, 90 % within 5.0", told.stdout)
    assert re.search(r"i_2 +DHL +in_transit", told.stdout)
    found = json.loads(shell("insights", "tracking", "--carrier", "GLS", "--silent-days", "10", "--json").stdout)
    assert (found["total"]["delivered"], found["now"]["silent_days"], found["now"]["on_the_way"]) == (1, 10, 0)
    sent = shell("insights", "deliveries", "--since", "2026-01-01")
    assert sent.returncode == 0, sent.stderr
    assert "0 passed, 0 failed" in sent.stdout
    assert json.loads(shell("insights", "deliveries", "--json").stdout)["by_endpoint"] == []
    refused = shell("insights", "deliveries", "--since", "yesterday")
    assert refused.returncode == 1
    assert "is not a time" in refused.stderr
