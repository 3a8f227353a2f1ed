"""`parcelhook import` from the file to the merchant's receiver, with all that can come between."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from parcelhook.cli.importing.lines import Good
from parcelhook.cli.importing.sending import Sender
from parcelhook.client import ApiError, Client
from receiver import Received, Receiver, Writer, answer
from server import Server, wait_until

Done = subprocess.CompletedProcess[str]
Connect = Callable[..., dict[str, Any]]
COMMAND = [sys.executable, "-m", "parcelhook.cli.main", "import"]
WAY = ((1, "Label made"), (2, "On its way"), (3, "Out for delivery"), (6, "Delivered"))


class Importer:
    """Runs `parcelhook import` in a folder of its own, as one account."""

    def __init__(self, folder: Path, url: str, key: str) -> None:
        self.folder = folder
        clean = {name: value for name, value in os.environ.items() if not name.startswith("PARCELHOOK_")}
        self.environment = clean | {"PARCELHOOK_URL": url, "PARCELHOOK_API_KEY": key, "COLUMNS": "200"}

    def __call__(self, *words: str, given: bytes | None = None) -> Done:
        """Run it to its end."""
        done = subprocess.run(
            [*COMMAND, *words], cwd=self.folder, env=self.environment, input=given, capture_output=True, timeout=60, check=False
        )  # fmt: skip
        return Done(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())

    def start(self, *words: str, **streams: Any) -> subprocess.Popen[bytes]:
        """Run it beside the test."""
        streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL} | streams
        return subprocess.Popen([*COMMAND, *words], cwd=self.folder, env=self.environment, **streams)

    def summary(self, *words: str, given: bytes | None = None) -> tuple[int, int, int, int]:
        """Run it; lines read, accepted, known already, refused."""
        found = json.loads(self(*words, "--json", given=given).stdout)
        return found["read"], found["accepted"], found["known"], found["refused"]

    def write(self, name: str, text: str) -> str:
        """A file in its folder; its name."""
        (self.folder / name).write_text(text, encoding="utf-8")
        return name


@pytest.fixture
def importer(tmp_path: Path, server: Server, account: httpx.Client) -> Importer:
    """As the account of the test."""
    return Importer(tmp_path, server.url, account.headers["authorization"].removeprefix("Bearer "))


def orders(count: int, start: int = 0) -> str:
    """A CSV file of shipments."""
    text = io.StringIO()
    table = csv.writer(text, delimiter=";")
    table.writerow(["OrderID", "TransactionID", "TrackingCarrier", "TrackingNumber", "ToAddressCountry", "LabelURL"])
    for n in range(start, start + count):
        table.writerow(
            [f"o{n}", f"t{n}", "DHL", f"n{n}", "IT", f"https://label.example/{n}|https://label.example/{n}b"]
        )
    return text.getvalue()


def scan(shipment: int, step: int) -> dict[str, Any]:
    code, message = WAY[step]
    date = 1_622_000_000 + 86_400 * step
    return {"Event": "TRACKING_UPDATE", "TransactionID": f"t{shipment}", "date": date, "code": code, "message": message}


def scans(count: int) -> str:
    """An NDJSON file of the whole way of so many shipments, a step of all after another."""
    return "".join(json.dumps(scan(n, step)) + "\n" for step in range(len(WAY)) for n in range(count))


def told(receiver: Receiver) -> dict[str, list[dict[str, Any]]]:
    """What arrived, by shipment and in order."""
    found: dict[str, list[dict[str, Any]]] = {}
    for one in receiver.events():
        body = json.loads(one.body)
        found.setdefault(body["TransactionID"], []).append(body)
    return found


def test_orders_and_scans_arrive_once_in_order_and_filled_in(
    importer: Importer, account: httpx.Client, receiver: Receiver, connect: Connect
) -> None:
    endpoint = connect()
    files = importer.write("orders.csv", orders(150)), importer.write("scans.ndjson", scans(150))
    done = importer(*files)
    assert (done.returncode, done.stderr) == (0, "")
    assert "750 lines read: 750 accepted, 0 known already, 0 refused." in done.stdout
    receiver.wait_for(750)
    arrived = told(receiver)
    assert len(arrived) == 150
    for name, bodies in arrived.items():
        assert [body["Event"] for body in bodies] == ["ORDER_SHIPPED"] + ["TRACKING_UPDATE"] * len(WAY)
        assert [body["code"] for body in bodies[1:]] == [code for code, _ in WAY]
        assert {(body["OrderID"], body["TrackingCarrier"], body["tracking"]) for body in bodies[1:]} == {
            (name.replace("t", "o"), "DHL", name.replace("t", "n"))
        }
        assert bodies[0]["LabelURL"][1].endswith("b")
        assert bodies[-1]["first_status_date"] == str(1_622_000_000 + 86_400)
    assert importer.summary(*files) == (750, 0, 750, 0)
    moved = importer.write("moved.ndjson", "\n" + json.dumps(scan(1, 0)) + "\n" + scans(150))
    assert importer.summary(moved) == (601, 0, 601, 0), "at other places of a file they are known by themselves"
    assert account.get(f"/v1/endpoints/{endpoint['id']}").json()["waiting"] == 0
    assert len(receiver.events()) == 750


def test_history_becomes_known_and_nobody_is_told(
    importer: Importer, account: httpx.Client, receiver: Receiver, connect: Connect
) -> None:
    connect()
    history = scans(3).replace(json.dumps(scan(2, 3)) + "\n", "")
    done = importer("--silent", importer.write("orders.csv", orders(3)), importer.write("scans.ndjson", history))
    assert "14 lines read: 14 accepted" in done.stdout
    assert "nothing of it is delivered" in done.stdout
    known, new = account.post("/v1/events", json=[scan(2, 2), scan(2, 3)]).json()["accepted"]
    assert (known["duplicate"], new["duplicate"]) == (True, False)
    (update,) = (json.loads(one.body) for one in receiver.wait_for(1))
    assert (update["OrderID"], update["tracking"], update["ToAddressCountry"]) == ("o2", "n2", "IT")
    assert (update["code"], update["first_status_date"]) == (6, str(1_622_000_000 + 86_400))
    assert importer.summary("orders.csv", "scans.ndjson") == (14, 0, 14, 0), "what is known stays untold"
    assert len(receiver.events()) == 1


def test_bad_lines_are_reported_and_spoil_nothing_and_mended_ones_are_added(
    importer: Importer, receiver: Receiver, connect: Connect
) -> None:
    connect()
    lines = orders(1_100).splitlines(keepends=True)
    bad = {number: lines[number - 1] for number in (*range(10, 40), 700, 1_101)}
    for number in bad:
        lines[number - 1] = "o;t;;n;IT;\r\n"
    done = importer(importer.write("orders.csv", "".join(lines)))
    assert done.returncode == 1
    assert "1,100 lines read: 1,068 accepted, 0 known already, 32 refused." in done.stdout
    assert "The refused lines stand in orders.csv.refused.ndjson." in done.stdout
    shown = re.findall(r"orders\.csv, line (\d+): The field TrackingCarrier is missing\.", done.stderr)
    assert [int(number) for number in shown] == list(range(10, 30))
    assert "Give TrackingCarrier" in done.stderr
    report = [json.loads(line) for line in (importer.folder / "orders.csv.refused.ndjson").read_text().splitlines()]
    assert [one["line"] for one in report] == list(bad)
    assert report[0]["original"] == "o;t;;n;IT;"
    assert (report[0]["field"], report[0]["remedy"]) == ("TrackingCarrier", "Give TrackingCarrier.")
    assert "is a report of refused lines" in importer("orders.csv.refused.ndjson").stderr
    receiver.wait_for(1_068)
    for number, line in bad.items():
        lines[number - 1] = line
    assert importer.summary(importer.write("orders.csv", "".join(lines))) == (1_100, 32, 1_068, 0)
    receiver.wait_for(1_100)
    assert len(told(receiver)) == 1_100
    assert all(len(bodies) == 1 for bodies in told(receiver).values())


def test_compressed_files_and_standard_input(importer: Importer) -> None:
    text = scans(2)
    (importer.folder / "scans.ndjson.gz").write_bytes(gzip.compress(text.encode()))
    assert importer.summary("scans.ndjson.gz") == (8, 8, 0, 0)
    assert importer.summary("-", given=text.encode()) == (8, 0, 8, 0)
    assert importer.summary("-", given=gzip.compress(text.encode())) == (8, 0, 8, 0)
    (importer.folder / "cut.gz").write_bytes(gzip.compress(text.encode())[:-12])
    cut = importer("cut.gz")
    assert cut.returncode == 1
    assert "cut.gz: It is compressed, and it breaks off" in cut.stderr
    bad = importer("-", "--refused", "elsewhere", given=b"{}\n")
    assert "standard input, line 1: The field Event is missing." in bad.stderr
    assert json.loads((importer.folder / "elsewhere").read_text())["file"] == "-"
    assert "cannot be written to nowhere/x" in importer("-", "--refused", "nowhere/x", given=b"{}\n").stderr


def test_a_dry_run_needs_no_server_and_sends_nothing(importer: Importer, account: httpx.Client) -> None:
    beside = Importer(importer.folder, "http://127.0.0.1:1", "")
    text = beside.write("scans.ndjson", scans(2) + "{}\n")
    done = beside(text, "--dry-run")
    assert done.returncode == 1
    assert "9 lines read: 8 good, 1 refused. Nothing was sent." in done.stdout
    assert json.loads(beside(text, "--dry-run", "--json").stdout) == {
        "read": 9, "good": 8, "refused": 1, "complete": True, "reports": ["scans.ndjson.refused.ndjson"],
    }  # fmt: skip
    assert importer.summary(text) == (9, 8, 0, 1), "nothing of it was known"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nowhere.csv",), "nowhere.csv cannot be read: No such file"),
        (("good.csv", "."), ". cannot be read: Is a directory"),
        (("bad.csv",), 'bad.csv: There is no field "Code" in TRACKING_UPDATE.'),
        ((), "FILE"),
    ],
)
def test_mistakes_are_told_in_a_sentence_and_nothing_is_sent(
    importer: Importer, words: Sequence[str], said: str
) -> None:
    importer.write("good.csv", orders(1))
    importer.write("bad.csv", "date,code,message,Code\n")
    done = importer(*words)
    assert done.returncode == (1 if words else 2)
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert importer.summary("good.csv") == (1, 1, 0, 0)


def test_without_a_server_or_with_a_wrong_key_it_says_so_at_once(importer: Importer, server: Server) -> None:
    file = importer.write("orders.csv", orders(1))
    lost = Importer(importer.folder, "http://127.0.0.1:1", "k" * 20)(file)
    assert (lost.returncode, lost.stdout) == (1, "")
    assert "parcelhook serve" in lost.stderr
    stranger = Importer(importer.folder, server.url, "k" * 20)(file)
    assert (stranger.returncode, stranger.stdout) == (1, "")
    assert "API key is not known" in stranger.stderr


def test_ctrl_c_ends_it_with_the_summary_and_the_next_run_goes_on(
    importer: Importer, receiver: Receiver, connect: Connect
) -> None:
    connect()
    text = orders(1_200)
    running = importer.start("-")
    with running:
        assert running.stdin is not None
        assert running.stdout is not None
        running.stdin.write(text.encode())
        running.stdin.flush()  # and not closed: it waits for the rest of its third batch
        receiver.wait_for(1_000)
        running.send_signal(signal.SIGINT)
        said = running.stdout.read().decode()
        assert running.wait(15) == 130
    assert "1,000 lines read: 1,000 accepted" in said
    assert "Run it again" in said
    assert importer.summary("-", given=text.encode()) == (1_200, 200, 1_000, 0)
    receiver.wait_for(1_200)
    assert all(len(bodies) == 1 for bodies in told(receiver).values())


def test_a_killed_import_runs_again_and_nothing_is_sent_twice(
    importer: Importer, receiver: Receiver, connect: Connect
) -> None:
    connect()
    file = importer.write("orders.csv", orders(6_000))
    with importer.start(file) as running:
        receiver.wait_for(600)
        running.kill()
    read, accepted, known, refused = importer.summary(file)
    assert (read, refused) == (6_000, 0)
    assert accepted + known == 6_000
    assert known >= 500, "it was killed before it began"
    receiver.wait_for(6_000, timeout=60)
    assert all(len(bodies) == 1 for bodies in told(receiver).values())


@pytest.fixture
def own(tmp_path: Path, database_url: str) -> Iterator[Server]:
    """A server that may be killed."""
    with Server(tmp_path / "data", DATABASE_URL=database_url) as running:
        yield running


def test_a_server_that_is_killed_in_the_middle_is_waited_for(own: Server, tmp_path: Path, receiver: Receiver) -> None:
    with own.client(own.first_key) as client:
        made = {"url": receiver.url(), "events": ["order_shipped"], "verify": False, "retry": True}
        assert client.post("/v1/endpoints", json=made).status_code == 201
    own.set(PORT=own.url.rpartition(":")[2])
    importer = Importer(tmp_path, own.url, own.first_key)
    with importer.start(importer.write("orders.csv", orders(6_000)), "--json") as running:
        assert running.stdout is not None
        receiver.wait_for(600)
        own.kill()
        assert running.poll() is None, "it had come to its end before"
        own.start()
        found = json.loads(running.stdout.read())
        assert running.wait(60) == 0
    assert (found["read"], found["accepted"] + found["known"], found["complete"]) == (6_000, 6_000, True)
    wait_until(lambda: len(told(receiver)) == 6_000, 60)
    ids: dict[str, set[str]] = {}
    for one in receiver.events():
        ids.setdefault(json.loads(one.body)["TransactionID"], set()).add(one.id)
    assert all(len(names) == 1 for names in ids.values()), "a crash repeats a request, and never an event"


def test_on_a_terminal_a_bar_shows_how_far_it_is(importer: Importer) -> None:
    file = importer.write("scans.ndjson", scans(300))
    ours, theirs = pty.openpty()
    with importer.start(file, stdin=subprocess.DEVNULL, stderr=theirs) as running, os.fdopen(ours, "rb", 0) as terminal:
        os.close(theirs)
        shown = b""
        try:
            while part := terminal.read(4_096):
                shown += part
        except OSError:  # the end of a terminal, on Linux
            pass
        assert running.wait(30) == 0
    assert b"scans.ndjson" in shown
    assert b"1,200 lines, " in shown


class Scripted:
    """A server of which one knows beforehand what it answers."""

    def __init__(self, receiver: Receiver, *answers: Any) -> None:
        self._left = list(answers)
        self.waited: list[float] = []
        self.why: list[str] = []
        receiver.behave(self._behave)
        self.client = Client(receiver.url(""), "k" * 20)
        self.sender = Sender(self.client, deliver=True, waiting=self.why.append, pause=self.waited.append)

    async def _behave(self, received: Received, writer: Writer) -> None:
        await (self._left.pop(0) if self._left else accepted_all)(received, writer)


async def accepted_all(received: Received, writer: Writer) -> None:
    lines = [{"id": "evt_1", "duplicate": False} for _ in json.loads(received.body)]
    await answer(202, json.dumps({"accepted": lines}).encode())(received, writer)


def problem(status: int, **fields: Any) -> Any:
    body = {"status": status, "code": "c", "detail": "It is so.", **fields}
    headers = {"Retry_After": "7"} if status == 503 else {}
    return answer(status, json.dumps(body).encode(), "application/problem+json", **headers)


BATCH = [Good(n, b"%d" % n, b'{"n": %d}' % n) for n in range(1, 4)]


def test_a_busy_server_is_asked_again_when_it_said_with_the_same_key(receiver: Receiver) -> None:
    scripted = Scripted(receiver, problem(503), problem(503))
    sent = scripted.sender.send(BATCH)
    assert (sent.accepted, sent.known, sent.refused) == (3, 0, ())
    assert (scripted.waited, scripted.why) == ([7, 7], ["the server is busy"] * 2)
    keys = {one.header("idempotency-key") for one in receiver.received}
    assert len(receiver.received) == 3
    assert len(keys) == 1
    scripted.sender.send([BATCH[1]])
    assert receiver.received[-1].header("idempotency-key") not in keys
    scripted.client.close()


def test_what_only_the_server_refuses_is_left_out_and_the_rest_is_sent(receiver: Receiver) -> None:
    scripted = Scripted(receiver, problem(422, item=1, field="n", value=2, remedy="Give another."))
    sent = scripted.sender.send(BATCH)
    assert sent.accepted == 2
    (refused,) = sent.refused
    assert (refused.line, refused.original, refused.field, refused.value) == (2, b"2", "n", 2)
    assert (refused.reason, refused.remedy) == ("It is so.", "Give another.")
    assert json.loads(receiver.received[-1].body) == [{"n": 1}, {"n": 3}]
    scripted.client.close()


@pytest.mark.parametrize("status", [401, 403, 409, 422, 500, 502])
def test_a_server_that_wants_nothing_of_it_ends_it(receiver: Receiver, status: int) -> None:
    scripted = Scripted(receiver, problem(status))
    with pytest.raises(ApiError) as refused:
        scripted.sender.send(BATCH)
    assert refused.value.status == status
    assert scripted.waited == []
    scripted.client.close()
