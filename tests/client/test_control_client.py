"""The client of the control API, against a real server of `serve --control`."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import httpx2
import pytest

from chatmarks.client import ChatError, Client, Control, ControlError, ControlledApp, OutcomeUnknown
from chatmarks.usersig import decode
from process import Server, serving

OWNER = "user_0001"
MARK = "recentcontact/mark_contact"
IMPORT = "im_open_login_svc/account_import"

SEED = b"""{"chatmarks_export":1}
{"Line":"Account","SdkAppid":"1","UserID":"user_0001"}
{"Line":"End","Apps":0,"ChatGroups":0,"Accounts":1,"Lines":3}
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving("--control") as running:
        yield running


@pytest.fixture
def control(server: Server) -> Iterator[Control]:
    with Control(server.announced["admin_url"], url=server.url) as opened:
        yield opened
        opened.faults.clear()


@pytest.fixture
def app(control: Control) -> Iterator[ControlledApp]:
    made = control.make_app()
    yield made
    made.drop()


@pytest.fixture
def client(app: ControlledApp) -> Iterator[Client]:
    with Client(
        app.url, sdkappid=app.sdkappid, identifier=app.identifier, key=app.key, usersig=None
    ) as opened:
        opened.account_import(UserID=OWNER)
        yield opened


def mark(client: Client, count: int = 1) -> list[int]:
    """The codes of the results of so many marks."""
    items = [
        {"OptType": 1, "SetMark": [0], "ContactItem": {"Type": 1, "To_Account": f"peer_{number}"}}
        for number in range(count)
    ]
    answer = client.mark_contact(From_Account=OWNER, MarkItem=items)
    return [result.ResultCode for result in answer.ResultItem]


def marked(client: Client) -> int:
    return len(client.get_contact_group(From_Account=OWNER, StartIndex=0).ContactItem)


def code(client: Client) -> int:
    with pytest.raises(ChatError) as refused:
        client.account_check(CheckItem=[{"UserID": OWNER}])
    return refused.value.code


@contextmanager
def answering(status: int, body: bytes) -> Iterator[str]:
    """A server of something else."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = Thread(target=http.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


def test_an_app_is_made_shown_listed_and_dropped(control: Control, server: Server) -> None:
    app = control.make_app(
        admins=["boss", "other"], key="k", profile="lenient", overrides={"edition": "basic"}
    )
    assert (app.url, app.identifier, app.key) == (server.url, "boss", "k")
    shown = app.show()
    assert (shown.sdkappid, shown.admins, shown.profile) == (app.sdkappid, ("boss", "other"), "lenient")
    assert (shown.overrides, shown.enabled, shown.broken) == ({"edition": "basic"}, True, None)
    assert (shown.accounts, shown.chat_groups, shown.clock.frozen) == (2, 0, False)
    assert [one.admins for one in control.apps() if one.sdkappid == app.sdkappid] == [("boss", "other")]
    assert app.drop().accounts == 2
    with pytest.raises(ControlError) as refused:
        app.show()
    assert refused.value.status == 404


def test_an_app_of_a_number_that_was_chosen_is_found_again(control: Control) -> None:
    made = control.make_app(sdkappid=1700000001)
    assert made.sdkappid == 1700000001
    found = control.app(1700000001)
    assert found.show().admins == (found.identifier,)
    with pytest.raises(ValueError, match="key of the app is unknown"):
        found.usersig()
    found.drop()


def test_a_reset_app_has_no_data_no_fault_and_the_machines_time(
    app: ControlledApp, client: Client
) -> None:
    app.clock.freeze(1_700_000_000)
    app.faults.answer(60006, command=MARK)
    assert app.reset().accounts == 2
    assert (app.faults.all(), app.clock.show().frozen) == ([], False)
    with pytest.raises(ChatError):
        marked(client)


@pytest.mark.parametrize("form", ["bytes", "path"])
def test_a_seed_is_put(app: ControlledApp, tmp_path: Path, form: str) -> None:
    file = tmp_path / "seed.ndjson"
    file.write_bytes(SEED)
    assert app.seed(SEED if form == "bytes" else file).accounts == 1
    assert app.show().accounts == 2


def test_a_seed_that_is_wrong_is_refused_with_the_servers_text(app: ControlledApp) -> None:
    with pytest.raises(ControlError, match="the export has format 2") as refused:
        app.seed(SEED.replace(b'export":1', b'export":2'))
    assert refused.value.status == 400
    with pytest.raises(FileNotFoundError):
        app.seed(Path("nowhere.ndjson"))


def test_a_snapshot_is_kept_read_restored_and_deleted(
    control: Control, app: ControlledApp, client: Client
) -> None:
    mark(client)
    kept = app.keep("before")
    assert [kept] == app.snapshots()
    assert abs(kept.made_at - time.time()) < 60
    mark(client, 5)
    assert app.restore("before").accounts == 2
    assert marked(client) == 1
    lines = app.read_snapshot("before")
    assert len(lines) == kept.bytes
    other = control.make_app()
    assert other.restore("before", of=app.sdkappid).accounts == 2
    assert other.reset().accounts == 2
    assert other.seed(lines).accounts == 2
    other.drop()
    app.delete_snapshot("before")
    assert app.snapshots() == []
    with pytest.raises(ControlError, match="before"):
        app.restore("before")


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "a?b", "a" * 65, "ä"])
def test_a_name_that_would_be_another_path_is_refused_before_it_is_sent(
    app: ControlledApp, name: str
) -> None:
    for ask in (app.keep, app.restore, app.read_snapshot, app.delete_snapshot, app.faults.remove):
        with pytest.raises(ValueError, match="1 to 64 letters, digits"):
            ask(name)
    assert app.show().accounts == 1


def test_a_clock_is_frozen_set_moved_and_let_go(app: ControlledApp, client: Client) -> None:
    assert app.clock.freeze(1_700_000_000).now == 1_700_000_000
    assert app.clock.move(days=1, hours=1, seconds=-10).now == 1_700_089_990
    assert app.clock.set(1_700_000_005.5).frozen
    mark(client)
    (record,) = client.get_contact_group(From_Account=OWNER, StartIndex=0).ContactItem
    assert record.Timestamp == 1_700_000_005
    assert not app.clock.unfreeze().frozen
    assert app.clock.freeze().frozen
    assert app.clock.show().now < 1_700_000_100
    assert app.clock.let_go().ahead_seconds == 0


def test_a_ticket_is_made_by_the_clock_of_its_app(app: ControlledApp) -> None:
    app.clock.freeze(1_700_000_000)
    ticket = decode(app.usersig(expire_seconds=60))
    assert (ticket.time, ticket.expire, ticket.identifier) == (1_700_000_000, 60, "administrator")
    assert decode(app.usersig("user_0001")).identifier == "user_0001"


def test_a_whole_call_is_answered_with_a_code(app: ControlledApp, client: Client) -> None:
    fault = app.faults.answer(
        60006, info="no such thing", times=1, command="im_open_login_svc/account_check"
    )
    assert code(client) == 60006
    assert app.faults.show(fault.name).struck == 1
    app.faults.remove(fault.name)
    assert app.faults.all() == []


def test_items_fail_by_position_and_by_name(app: ControlledApp, client: Client) -> None:
    fault = app.faults.items(51007, items=[7], command=MARK, name="seventh")
    assert fault.name == "seventh"
    assert [number for number, code in enumerate(mark(client, 100)) if code] == [7]
    app.faults.clear()
    app.faults.items(51007, ids=["peer_1"], info="gone", command=MARK, account=OWNER)
    assert mark(client, 3) == [0, 51007, 0]
    app.faults.clear()
    app.faults.items(50004, command=MARK, times=1)
    assert mark(client, 2) == [50004, 50004]


@pytest.mark.parametrize("kept", [False, True])
def test_a_call_waits(app: ControlledApp, client: Client, kept: bool) -> None:  # noqa: FBT001
    app.faults.latency(300, kept=kept, command=MARK)
    began = time.perf_counter()
    mark(client)
    assert time.perf_counter() - began > 0.29


@pytest.mark.parametrize("kept", [False, True])
def test_a_connection_is_dropped_before_or_after_the_change(
    app: ControlledApp,
    client: Client,
    kept: bool,  # noqa: FBT001
) -> None:
    app.faults.drop(kept=kept, command="group_open_http_svc/create_group")
    with pytest.raises(OutcomeUnknown):
        client.create_group(Type="Public", Name="hikes")
    assert app.show().chat_groups == (1 if kept else 0)


def test_the_rate_codes_are_answered(app: ControlledApp, server: Server) -> None:
    from chatmarks.client import Patience

    once = Patience(attempts=1)
    with Client(
        server.url,
        sdkappid=app.sdkappid,
        identifier=app.identifier,
        key=app.key,
        patience=once,
    ) as client:
        for of, expected in (("command", 60007), ("app", 60011)):
            app.faults.rate(of, times=1)
            assert code(client) == expected


def test_faults_of_an_app_are_its_own_and_those_of_a_server_are_all(
    control: Control, app: ControlledApp
) -> None:
    other = control.make_app()
    mine = app.faults.drop(every=3)
    theirs = other.faults.drop(probability=0.5, seed=1)
    everywhere = control.faults.latency(1)
    assert mine.when == {"sdkappid": app.sdkappid, "every": 3}
    assert (everywhere.when, everywhere.effect) == ({}, {"kind": "latency", "ms": 1})
    assert [fault.name for fault in app.faults.all()] == [mine.name]
    assert {fault.name for fault in control.faults.all()} >= {mine.name, theirs.name, everywhere.name}
    assert app.faults.clear() == 1
    assert control.faults.clear() == 2
    other.drop()


def test_a_rule_that_makes_no_sense_is_refused_with_its_field(app: ControlledApp) -> None:
    with pytest.raises(ControlError, match=r"when\.every is 0; 1 to 1000000 are allowed") as refused:
        app.faults.drop(every=0)
    assert (refused.value.status, refused.value.field) == (400, "when.every")
    with pytest.raises(ControlError, match=r"when\.command is missing"):
        app.faults.items(51007)


def test_the_journal_tells_of_calls_and_why(
    control: Control, app: ControlledApp, client: Client
) -> None:
    app.faults.items(51007, items=[0], command=MARK)
    mark(client)
    first, last = app.journal()
    assert (first.command, first.code, first.why) == (IMPORT, 0, ({"decided": "ok"},))
    assert (last.command, last.account, last.faults) == (MARK, OWNER, (app.faults.all()[0].name,))
    assert last.request["From_Account"] == OWNER
    assert last.why[0]["decided"] == "fault"
    assert app.journal(command=MARK) == app.journal(account=OWNER) == [last]
    assert app.journal(code=51007) == []
    assert app.journal(since=time.time() + 60) == []
    assert last in control.journal()
    assert control.clear_journal() >= 2
    assert app.journal() == []


def test_a_journal_of_more_than_a_page_is_read_to_its_end(tmp_path: Path) -> None:
    environ = {"CHATMARKS_JOURNAL_CALLS": "2000"}
    with (
        serving("--control", environ=environ) as server,
        Control(server.announced["admin_url"]) as control,
    ):
        path = f"{server.url}/v4/nothing?sdkappid=1400000000"
        with httpx2.Client(trust_env=False) as http:
            for _ in range(1100):
                http.post(path)
        assert len(control.journal(code=60006)) + len(control.journal()) >= 1100
        cursors = [call.cursor for call in control.journal()]
        assert len(cursors) == len({*cursors}) == 1100


@pytest.mark.parametrize("url", ["china", "127.0.0.1:8601", "ftp://a", "http://a b", "http://a?b", ""])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="admin_url"):
        Control(url)


def test_a_password_in_the_url_is_refused_and_not_shown() -> None:
    with pytest.raises(ValueError, match="token= takes the token") as refused:
        Control("http://someone:secret@127.0.0.1:8601")
    assert "secret" not in str(refused.value)


def test_a_number_that_is_no_app_is_refused(control: Control) -> None:
    with pytest.raises(ValueError, match="sdkappid is 0; a number above 0"):
        control.app(0)


def test_the_token_of_the_admin_listener_is_sent_and_never_shown(server: Server) -> None:
    environ = {"CHATMARKS_ADMIN_TOKEN": "a token of twenty bytes"}
    with serving("--control", environ=environ) as guarded:
        url = guarded.announced["admin_url"]
        with Control(url) as stranger, pytest.raises(ControlError, match="needs its token") as refused:
            stranger.apps()
        assert refused.value.status == 401
        with Control(url, token="a token of twenty bytes") as control:
            assert [app.sdkappid for app in control.apps()] == [1400000000]
            assert repr(control) == f"Control('{url}')"
            app = control.make_app(key="a secret key")
            assert "secret" not in repr(app)


def test_a_server_without_control_is_named_as_such() -> None:
    told = "has no control API; start its server with --control"
    with (
        serving() as server,
        Control(server.announced["admin_url"]) as control,
        pytest.raises(ControlError, match=told),
    ):
        control.make_app()


def test_a_server_that_is_not_there_is_an_error_without_a_status() -> None:
    told = r"http://127\.0\.0\.1:9 cannot be reached"
    with (
        Control("http://127.0.0.1:9") as control,
        pytest.raises(ControlError, match=told) as failed,
    ):
        control.apps()
    assert failed.value.status is None


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (200, b"<html>", "gave no answer of a control API"),
        (200, b"[" * 5000, "gave no answer of a control API"),
        (200, b'{"apps": 1}', "gave no answer of a control API"),
        (502, b"bad gateway\n", "^bad gateway$"),
        (500, b"", "HTTP 500 without a text"),
        (302, b"", "HTTP 302 without a text"),
        (409, json.dumps({"error": "taken", "field": "sdkappid"}).encode(), "^taken$"),
    ],
)
def test_what_answers_otherwise_is_an_error_and_no_answer(status: int, body: bytes, told: str) -> None:
    with (
        answering(status, body) as url,
        Control(url) as control,
        pytest.raises(ControlError, match=told),
    ):
        control.apps()


def test_an_answer_that_never_ends_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatmarks.client.control_road.ANSWER_BYTES_MAX", 1000)
    with (
        answering(200, b" " * 5000) as url,
        Control(url) as control,
        pytest.raises(ControlError, match="more than 1000 bytes"),
    ):
        control.apps()


def test_an_http_client_of_ones_own_is_used_and_not_closed(server: Server) -> None:
    with httpx2.Client(trust_env=False) as http:
        with Control(server.announced["admin_url"], http=http) as control:
            assert control.apps()
        assert not http.is_closed
