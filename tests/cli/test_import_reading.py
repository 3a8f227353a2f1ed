"""Lines become events or refusals: what is read, what is refused, and that nothing else can happen."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parcelhook.api.app import described
from parcelhook.cli.importing import lines as importing_lines
from parcelhook.cli.importing import table
from parcelhook.cli.importing.lines import LONGEST_LINE, Good, Refused
from parcelhook.cli.importing.reading import Form, form_of, read
from parcelhook.cli.importing.sending import MOST_BYTES, PER_BATCH, batches
from parcelhook.errors import InvalidInput

SCAN = {"Event": "TRACKING_UPDATE", "TransactionID": "1", "date": 5, "message": "m", "code": 2}
ORDER = {
    "Event": "ORDER_SHIPPED", "OrderID": "1", "TransactionID": "t1", "TrackingCarrier": "DHL", "TrackingNumber": "n1",
}  # fmt: skip
ERROR = {"Event": "ORDER_ERROR", "OrderID": "1", "Message": "m"}


def split(text: str | bytes) -> Iterable[bytes]:
    return io.BytesIO(text.encode() if isinstance(text, str) else text)


def events(text: str | bytes, form: Form | None = None) -> list[dict[str, Any]]:
    """The events, of which none was refused."""
    found = list(read(split(text), form))
    assert all(isinstance(one, Good) for one in found), found
    return [json.loads(one.body) for one in found if isinstance(one, Good)]


def outcome(text: str | bytes) -> list[tuple[int, str]]:
    """Each line's number, and the field that it was refused for; empty if it was not."""
    return [(one.line, one.field if isinstance(one, Refused) else "") for one in read(split(text))]


def test_ndjson_is_an_event_a_line_of_any_kind() -> None:
    text = "\n".join(map(json.dumps, (ORDER, ERROR, SCAN))) + "\n\n"
    assert [event["Event"] for event in events(text)] == ["ORDER_SHIPPED", "ORDER_ERROR", "TRACKING_UPDATE"]
    assert events("\ufeff\r\n" + json.dumps(SCAN) + "\r\n")[0]["code"] == 2


def test_a_csv_file_holds_what_its_columns_say() -> None:
    (scan,) = events("code,date,message,TransactionID\n2,5,m,1\n")
    assert {key: scan[key] for key in SCAN} == SCAN
    (order,) = events("OrderID,TransactionID,TrackingCarrier,TrackingNumber\n1,t1,DHL,n1\n")
    assert {key: order[key] for key in ORDER} == ORDER
    mixed = events(
        "Event,OrderID,Message,TransactionID,date,code,message\nORDER_ERROR,1,m,,,,\nTRACKING_UPDATE,,,1,5,2,m\n"
    )
    assert [event["Event"] for event in mixed] == ["ORDER_ERROR", "TRACKING_UPDATE"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_delimiter_line_end_and_byte_order_mark_are_found_out(delimiter: str, end: str, bom: str) -> None:
    rows = [["date", "code", "message", "city"], ["5", "2", f'a{delimiter}b "c"\nd', "Łódź"]]
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator=end).writerows(rows)
    found = list(read(split(bom + text.getvalue())))
    assert [one.line for one in found] == [2]
    assert "TransactionID" in str(found[0]), "it does not say of which shipment it is"
    (event,) = events(bom + text.getvalue().replace("city", "tracking"))
    assert (event["message"], event["tracking"]) == (f'a{delimiter}b "c"\nd', "Łódź")


def test_cells_become_what_their_field_is() -> None:
    header = (
        "OrderID;TransactionID;TrackingCarrier;TrackingNumber;LabelURL;AdditionalTrackingNumbers;IsReturn;Status;id"
    )
    (event,) = events(f"{header}\n 01 ;t1;DHL;007;http://a/1 | http://a/2;x|y;Yes;;mine\n")
    assert (event["OrderID"], event["TrackingNumber"], event["Status"]) == ("01", "007", "1")
    assert event["LabelURL"] == ["http://a/1", "http://a/2"]
    assert [parcel["TrackingNumber"] for parcel in event["AdditionalTrackingNumbers"]] == ["x", "y"]
    assert (event["IsReturn"], event["id"]) == (True, "mine")


def test_an_empty_message_is_a_message_and_any_other_empty_cell_is_none() -> None:
    assert events("date,code,message,TransactionID\n5,2,,1\n")[0]["message"] == ""
    assert outcome("date,code,message,TransactionID\n,2,m,1\n5,,m,1\n5,2,m,\n") == [
        (2, "date"), (3, "code"), (4, "TransactionID"),
    ]  # fmt: skip
    assert outcome("OrderID,TransactionID,TrackingCarrier,TrackingNumber\n1,,DHL,n\n") == [(2, "TransactionID")]


def test_rows_of_nothing_are_passed_over() -> None:
    assert len(events("\n\ndate,code,message,TransactionID\n\n,,,\n5,2,m,1\n,,,\n")) == 1
    assert events("") == events("\n \n") == events("", Form.CSV) == events("", Form.NDJSON) == []
    assert events("date,code,message\n") == []


REFUSED = [
    ("date,code,message,TransactionID\nyesterday,2,m,1", 2, "date", "no number", "1622671204"),
    ("date,code,message,TransactionID\n5,2.0,m,1", 2, "code", "no number", "whole number"),
    ("date,code,message,TransactionID\n5,7,m,1", 2, "code", "<= 6", "<= 6"),
    ("date,code,message,TransactionID,IsReturn\n5,2,m,1,maybe", 2, "IsReturn", "neither true nor false", "true or false"),
    ("date,code,message,TransactionID\n5,2,m,1,x", 2, "", "5 cells, and the header has 4", "delimiter"),
    ("date,code,message,TransactionID\n5,2,m", 2, "", "3 cells, and the header has 4", "delimiter"),
    ('date,code,message,TransactionID\n5,2,"m" n,1', 2, "", "follows a closing quotation mark", "doubled"),
    ('date,code,message,TransactionID\n5,2,"m,1', 2, "", "not closed", "doubled"),
    ("date,code,message,TransactionID\n5,2,m\rn,1", 2, "", "line end stands within", "doubled"),
    (b"date,code,message,TransactionID\n5,2,citt\xe0,1", 2, "", "not UTF-8: byte 0xe0 at place 9", "UTF-8"),
    ("Event,OrderID,Message\nORDER_LOST,1,m", 2, "Event", "ORDER_LOST", "ORDER_SHIPPED"),
    ("Event,OrderID,Message\n,1,m", 2, "Event", "missing", "ORDER_SHIPPED"),
    ("Event,OrderID,Message,code\nORDER_ERROR,1,m,4", 2, "code", "no field code", "Leave it out"),
    ('{"Event": "ORDER_ERROR"', 1, "", "not valid JSON", "one event a line"),
    (json.dumps(SCAN) + "\nnonsense", 2, "", "not valid JSON", "one event a line"),
    (json.dumps(SCAN | {"code": "2"}), 1, "code", "int", "whole number"),
    (json.dumps(SCAN | {"Code": 2}), 1, "Code", "no field Code", "spelling"),
    (json.dumps({"OrderID": "1"}), 1, "Event", "missing", "ORDER_SHIPPED"),
    (json.dumps(SCAN | {"TransactionID": ""}), 1, "TransactionID", "which shipment", "tracking number"),
    (b'{"Event": "citt\xe0"}', 1, "", "not UTF-8", "UTF-8"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "field", "reason", "remedy"), REFUSED)
def test_a_refused_line_says_what_is_wrong(text: str | bytes, line: int, field: str, reason: str, remedy: str) -> None:
    (refused,) = [one for one in read(split(text)) if isinstance(one, Refused)]
    assert (refused.line, refused.field) == (line, field)
    assert reason in refused.reason
    assert remedy in refused.remedy
    assert refused.original == list(split(text))[line - 1]


UNREADABLE = [
    ("a,b,c\n1,2,3", "names no field", "names of the columns"),
    ("nonsense", "names no field", "as JSON"),
    ("[" + json.dumps(SCAN) + "]", "JSON array", "parcelhook send"),
    ("OrderID,TransactionID\n1,2", "neither scans nor shipments: OrderID, TransactionID", "code, date and message"),
    ("code,date,message,TrackingNumber\n", "both scans and shipments", "column Event"),
    ("code,date,message,transactionid\n", 'no field "transactionid" in TRACKING_UPDATE', "Did you mean TransactionID?"),
    ("code,date,message,OrderID,OrderID\n", "OrderID is there twice", "Leave one"),
    ("code,date,message,\n", "Column 4 has no name", "name of a field"),
    ('code,date,message,"OrderID\n', "names no field", "names of the columns"),
    (b"code,date,message,citt\xe0\n", "not UTF-8", "UTF-8"),
    ("code,date,message\n".encode("utf-16"), "UTF-16", "UTF-8"),
]


@pytest.mark.parametrize(("text", "said", "remedy"), UNREADABLE)
def test_a_file_that_cannot_be_understood_is_refused_whole_before_anything_is_sent(
    text: str | bytes, said: str, remedy: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        read(split(text))
    assert said in refused.value.message
    assert remedy in refused.value.remedy


def test_a_quotation_mark_left_open_spoils_its_own_row_only() -> None:
    rows = [f"{n},2,m,1" for n in range(1, 9)]
    rows[2] = '3,2,"m,1'
    rows[5] = '6,2,"a\nb",1'
    text = "date,code,message,TransactionID\n" + "\n".join(rows)
    assert [line for line, _ in outcome(text)] == [2, 3, 4, 5, 6, 7, 9, 10]
    assert [one.line for one in read(split(text)) if isinstance(one, Refused)] == [4]


@pytest.mark.parametrize("open_at", [3, 4])
def test_a_mark_that_is_never_closed_holds_no_more_than_a_line_may_in_memory(
    monkeypatch: pytest.MonkeyPatch, open_at: int
) -> None:
    monkeypatch.setattr(table, "LONGEST_LINE", 200)
    rows = [f"{n},2,m,1" for n in range(2, 1_000)]
    rows[open_at - 2] = '9,2,"m,1'
    found = list(read(split("date,code,message,TransactionID\n" + "\n".join(rows))))
    assert [one.line for one in found if isinstance(one, Refused)] == [open_at]
    assert len(found) == len(rows)


@pytest.mark.parametrize("form", list(Form))
def test_a_line_that_is_too_long_is_refused_and_the_next_is_read(form: Form) -> None:
    good = json.dumps(SCAN).encode() if form is Form.NDJSON else b"5,2,m,1"
    head = [] if form is Form.NDJSON else [b"date,code,message,TransactionID\n"]
    long = b"x" * (LONGEST_LINE + 1)  # the source gives no more of it
    bad, after = read([*head, long, good], form)
    assert isinstance(bad, Refused)
    assert "longer than 8 MiB" in bad.reason
    assert len(bad.original) < 2_000
    assert isinstance(after, Good)


def test_an_order_gets_an_id_by_its_content_and_keeps_its_own() -> None:
    first, again, other = events(
        "\n".join(map(json.dumps, (ORDER, dict(reversed(ORDER.items())), ORDER | {"OrderID": "2"})))
    )
    assert first["id"] == again["id"] != other["id"]
    assert events("OrderID,TransactionID,TrackingCarrier,TrackingNumber\n1,t1,DHL,n1\n")[0]["id"] == first["id"]
    assert events(json.dumps(ERROR))[0]["id"].startswith("import_")
    assert events(json.dumps(ERROR | {"id": "mine"}))[0]["id"] == "mine"
    assert "id" not in events(json.dumps(SCAN))[0]


def test_the_name_of_a_file_tells_its_form() -> None:
    names = ["a.ndjson", "b.JSONL.GZ", "c.csv", "d.tsv.gz", "e.txt", "-"]
    assert [form_of(name) for name in names] == [Form.NDJSON, Form.NDJSON, Form.CSV, Form.CSV, None, None]
    (refused,) = read(split("nonsense"), Form.NDJSON)
    assert isinstance(refused, Refused), "a first line that is broken does not make a table of it"


def test_the_table_knows_the_type_of_every_field() -> None:
    types: dict[str, set[str]] = {}
    for name in ("OrderShipped", "OrderError", "TrackingUpdate"):
        for field, schema in described().document["components"]["schemas"][name]["properties"].items():
            options = schema.get("oneOf", [schema])
            types.setdefault(field, set()).update(one.get("type", "string") for one in options)
    for kind, fields in (
        ("integer", table.NUMBERS),
        ("boolean", table.FLAGS),
        ("array", table.LISTS | {table.PARCELS}),
    ):
        assert {field for field, kinds in types.items() if kinds == {kind}} == fields


def test_batches_are_cut_by_place_and_by_size() -> None:
    lines: list[Good | Refused] = [Good(n, b"", b"x") for n in range(1, PER_BATCH + 2)]
    before = [[one.line for one in batch] for batch in batches(lines)]
    lines[3] = Refused(line=4, original=b"", reason="")
    assert [[one.line for one in batch] for batch in batches(lines)] == before
    assert [len(batch) for batch in before] == [PER_BATCH, 1]
    large = [Good(n, b"", b"x" * (MOST_BYTES // 2)) for n in range(3)]
    assert [len(batch) for batch in batches(large)] == [2, 1]


@given(
    st.lists(
        st.binary(max_size=40) | st.sampled_from([b'5,2,"m,1', b"5,2,m,1", b'"', json.dumps(SCAN).encode()]),
        max_size=12,
    ),
    st.sampled_from([b"", b"date,code,message,TransactionID\n", b"Event;OrderID;Message\n", b"{}\n"]),
    st.sampled_from([None, *Form]),
)
def test_any_bytes_are_events_and_refusals_each_line_once_or_refused_whole(
    parts: list[bytes], head: bytes, form: Form | None
) -> None:
    found: list[Good | Refused] = []
    with suppress(InvalidInput):
        found += read(split(head + b"\n".join(parts)), form)
    numbers = [one.line for one in found]
    assert numbers == sorted(set(numbers))
    for one in found:
        if isinstance(one, Good):
            assert isinstance(importing_lines.judge(1, b"", one.body), Good)
        else:
            assert one.reason
            assert one.remedy


TEXT = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=12).map(str.strip)


@given(st.lists(st.tuples(st.integers(0, 2**31), st.integers(1, 6), TEXT, TEXT), max_size=6), st.sampled_from(",;\t"))
def test_what_a_spreadsheet_writes_is_read_as_it_was(rows: list[tuple[int, int, str, str]], delimiter: str) -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    writer.writerow(["date", "code", "message", "city", "TransactionID"])
    writer.writerows([*row, "t"] for row in rows)
    found = events(text.getvalue())
    assert [(event["date"], event["code"], event["message"], event["city"]) for event in found] == rows
