"""`chatmarks call`, against real servers."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from chatmarks.cli import main
from harness import ADMIN, KEY, SDKAPPID
from process import Server, run, serving

Invoke = Callable[..., Result]
GET = "recentcontact/get_contact_group"
BODY = json.dumps({"From_Account": ADMIN, "StartIndex": 0})


@pytest.fixture(scope="module")
def server() -> Generator[Server, None, None]:
    with serving() as running:
        yield running


def refused(result: Result) -> str:
    """The one line of a refusal."""
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    return str(line.removeprefix("chatmarks: "))


def test_the_demo_app_on_loopback_needs_no_option_but_the_url(invoke: Invoke, server: Server) -> None:
    imported = invoke("call", "--url", server.url, "im_open_login_svc/account_import", '{"UserID":"ü"}')
    assert imported.exit_code == 1
    assert json.loads(imported.stdout)["ActionStatus"] == "FAIL"
    fine = invoke("call", "--url", server.url, "im_open_login_svc/account_import", '{"UserID":"a"}')
    assert fine.exit_code == 0, fine.output
    assert fine.stdout.startswith('{\n  "ActionStatus": "OK",\n')
    assert fine.stderr == ""


def test_the_server_of_serve_dev_is_called_where_no_url_is_given(invoke: Invoke) -> None:
    result = invoke("call", "--help")
    assert "[default: http://127.0.0.1:8600]" in " ".join(result.stdout.split())


def test_json_prints_the_answer_as_it_came(invoke: Invoke, server: Server) -> None:
    result = invoke("call", "--url", server.url, "--json", GET, BODY)
    assert result.exit_code == 0
    (line,) = result.stdout.splitlines()
    assert line.endswith(',"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":"","ErrorDisplay":""}')


def test_the_body_comes_from_standard_input_for_a_dash(tmp_path: Path, server: Server) -> None:
    arguments = ["call", "--url", server.url, GET, "-"]
    fine = CliRunner().invoke(main, arguments, input=BODY)
    assert (fine.exit_code, fine.stderr) == (0, "")
    wrong = CliRunner().invoke(main, arguments, input="{")
    assert refused(wrong).startswith("the body on standard input is not JSON: ")


def test_a_refused_call_ends_with_1_and_says_what_the_code_means(
    invoke: Invoke, server: Server
) -> None:
    arguments = ("call", "--url", server.url, GET, '{"From_Account": "nobody", "StartIndex": 0}')
    result = invoke(*arguments)
    assert result.exit_code == 1
    assert json.loads(result.stdout)["ErrorCode"] == 50001
    assert result.stderr == (
        "chatmarks: 50001: the UserID was never imported (1047/53442); called as administrator of app"
        f" {SDKAPPID} with the published demo key\n"
    )
    raw = invoke(*arguments, "--json")
    assert (raw.exit_code, raw.stderr) == (1, "")


def test_text_of_any_script_is_printed_to_be_read(invoke: Invoke, server: Server) -> None:
    body = {
        "From_Account": ADMIN,
        "GroupContactItem": [{"GroupName": "周末", "ContactItem": []}],
    }
    result = invoke("call", "--url", server.url, "recentcontact/create_contact_group", json.dumps(body))
    assert result.exit_code == 0, result.output
    assert '"GroupName": "周末"' in result.stdout


def test_a_documented_command_that_is_not_done_is_answered_by_the_server(
    invoke: Invoke, server: Server
) -> None:
    command = "group_open_http_svc/import_group_member"
    result = invoke("call", "--url", server.url, command, "{}")
    assert (result.exit_code, json.loads(result.stdout)["ErrorCode"]) == (1, 60009)


@pytest.mark.parametrize(
    ("arguments", "environ", "code", "named"),
    [
        (("--identifier", "boss"), {}, 60010, "boss of app 1400000000 with the published"),
        ((), {"CHATMARKS_APP_KEY": "other"}, 70009, "app 1400000000 with the key that was given"),
        (("--key-file", "key"), {}, 70009, "app 1400000000 with the key that was given"),
        (("--sdkappid", "7", "--key-file", "key"), {}, 60006, "administrator of app 7 with the key"),
        (
            (),
            {"CHATMARKS_APP": "8:boss", "CHATMARKS_APP_KEY": "k"},
            60006,
            "boss of app 8 with the key that was given",
        ),
        (("--config", "apps.toml"), {}, 60006, "chief of app 9 with the key that the settings"),
        (("--config", "apps.toml", "--sdkappid", "10"), {}, 60006, "deputy of app 10 with the key"),
    ],
)
def test_who_calls_is_what_was_given_then_what_is_declared_then_the_demo_app(
    invoke: Invoke,
    server: Server,
    tmp_path: Path,
    arguments: tuple[str, ...],
    environ: dict[str, str],
    code: int,
    named: str,
) -> None:
    (tmp_path / "key").write_text("a key of my own")
    (tmp_path / "apps.toml").write_text(
        '[[apps]]\nsdkappid = 9\nadmins = ["chief"]\nkeys = ["k"]\n'
        '[[apps]]\nsdkappid = 10\nadmins = ["deputy"]\nkeys = ["k"]\n'
    )
    result = invoke("call", "--url", server.url, *arguments, GET, BODY, **environ)
    assert json.loads(result.stdout)["ErrorCode"] == code
    assert named in result.stderr


def test_an_app_of_a_store_is_called_with_the_key_in_it(invoke: Invoke, tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/books.db"
    invoke("app", "create", "--sdkappid", "7", "--admin", "boss", "--store", store)
    with serving("--store", store) as running:
        common = ("call", "--url", running.url, "--sdkappid", "7", "--identifier", "boss")
        body = '{"UserID": "boss"}'
        result = invoke(*common, "--store", store, "im_open_login_svc/account_import", body)
        assert result.exit_code == 0, result.output
        failed = invoke(*common, GET, '{"From_Account": "", "StartIndex": 0}', CHATMARKS_STORE=store)
        assert failed.stderr.endswith("called as boss of app 7 with the key in the store\n")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ("mark_contact", "{}"),
            'there is no command "mark_contact"; did you mean recentcontact/mark_',
        ),
        (
            ("recentcontact/mark_contacts", "{}"),
            'there is no command "recentcontact/mark_contacts"; did',
        ),
        (("x", "{}"), 'there is no command "x"; known: recentcontact/create_contact_group, '),
        ((GET, ""), "the body is not JSON: Input data was truncated"),
        ((GET, "{'a': 1}"), "the body is not JSON: JSON is malformed"),
        ((GET, "[" * 100_000), "the body is not JSON: "),
        ((GET, "{}", "--url", "localhost:8600"), "--url: 'localhost:8600' is not of the form http://"),
        ((GET, "{}", "--url", "http://a:99999"), "--url: 'http://a:99999' is not of the form http://"),
        ((GET, "{}", "--url", "http://[::1"), "--url: 'http://[::1' is not of the form http://host:"),
        ((GET, "{}", "--url", "https://example.org"), "--sdkappid must name the app: https://example"),
        ((GET, "{}", "--identifier", "ü"), "--identifier holds characters other than printable ASCII"),
        ((GET, "{}", "--sdkappid", "7"), "there is no store 'chatmarks.db'"),
        ((GET, "{}", "--config", "gone"), "gone: cannot be read: No such file or directory"),
        ((GET, "{}", "--key-file", "gone"), "gone cannot be read: No such file or directory"),
        ((GET, "{}", "--url", "http://a b"), "--url: 'http://a b' is not of the form http://host:port"),
        ((GET, "{}", "--url", "http://a/ü"), "--url: 'http://a/ü' is not of the form http://host:port"),
        ((GET, "{}", "--url", "http://u:p@a"), "--url: 'http://u:p@a' is not of the form http://host"),
        (
            (GET, "{}", "--url", "https://chatmarks.invalid", "--sdkappid", "7", "--key-file", "key"),
            "https://chatmarks.invalid cannot be reached: ",
        ),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_mistake_is_one_clear_line(
    invoke: Invoke, tmp_path: Path, arguments: tuple[str, ...], line: str
) -> None:
    (tmp_path / "key").write_text("k")
    assert refused(invoke("call", *arguments)).startswith(line)


def test_a_server_that_is_not_there_is_one_clear_line(invoke: Invoke) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    assert refused(invoke("call", "--url", url, GET, "{}")) == (
        f"{url} cannot be reached: Connection refused"
    )
    finished = run("call", "--url", url, GET, "{}")
    assert (finished.returncode, len(finished.stderr.splitlines())) == (2, 1)


def test_a_server_that_never_answers_is_given_up(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chatmarks.cli.exchange._SECONDS_MAX", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        line = refused(invoke("call", "--url", url, GET, "{}"))
    assert line == f"{url} gave no answer within 0.2 seconds"


@contextmanager
def answering(
    answer: bytes, tls: ssl.SSLContext | None = None, heard: list[bytes] | None = None
) -> Generator[str, None, None]:
    """The URL of a listener that answers one connection so; `heard` gets the request."""

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with suppress(ssl.SSLError), connection:
            stream = tls.wrap_socket(connection, server_side=True) if tls else connection
            with stream:
                request = stream.recv(65536)
                while request and not request.endswith(b"{}"):
                    request += stream.recv(65536)
                if heard is not None:
                    heard.append(request)
                stream.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        yield f"http{'s' if tls else ''}://127.0.0.1:{listener.getsockname()[1]}"
        thread.join(30)


def answer_of(body: bytes, status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (b"220 mail.example ESMTP\r\n", "did not answer in HTTP: BadStatusLine("),
        (b"", "cannot be reached: Remote end closed connection without response"),
        (answer_of(b"gone", "502 Bad Gateway"), "answered HTTP 502; this API answers 200 always"),
        (answer_of(b"<html>"), 'answered without an ErrorCode: "<html>"'),
        (answer_of(b'{"ErrorCode": "0"}'), "answered without an ErrorCode: "),
        (answer_of(b"[]"), 'answered without an ErrorCode: "[]"'),
    ],
    ids=["mail", "nothing", "502", "page", "text", "list"],
)
def test_what_is_no_server_of_this_api_is_one_clear_line(
    invoke: Invoke, answer: bytes, line: str
) -> None:
    with answering(answer) as url:
        result = invoke("call", "--url", url, GET, "{}")
    assert refused(result).startswith(f"{url} {line}")


def test_an_answer_that_is_no_unicode_text_is_printed_as_json_escapes_it(invoke: Invoke) -> None:
    with answering(answer_of(b'{"ErrorInfo": "\\ud800", "ErrorCode": 99}')) as url:
        result = invoke("call", "--url", url, GET, "{}")
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {"ErrorInfo": "\ud800", "ErrorCode": 99}
    assert result.stderr.startswith("chatmarks: 99; called as ")


def test_no_key_is_ever_printed(invoke: Invoke, server: Server) -> None:
    for body in (BODY, "{}"):
        assert KEY not in invoke("call", "--url", server.url, GET, body, CHATMARKS_APP_KEY=KEY).output


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of 127.0.0.1 that nobody signed but itself, with its key, in one file."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "chatmarks test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, private.public_key(), 1, now, now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(private, hashes.SHA256())
    )
    path = tmp_path / "certificate.pem"
    pem = serialization.Encoding.PEM
    path.write_bytes(
        made.public_bytes(pem)
        + private.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path


def test_over_tls_a_certificate_must_be_trusted(invoke: Invoke, certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with answering(answer_of(b'{"ErrorCode": 0}'), context) as url:
        line = refused(invoke("call", "--url", url, GET, "{}"))
    assert line.startswith(f"{url} shows a certificate that is not trusted: self-signed certificate;")
    with answering(answer_of(b'{"ErrorCode": 0}'), context) as url:
        result = invoke("call", "--url", url, GET, "{}", SSL_CERT_FILE=str(certificate))
    assert (result.exit_code, json.loads(result.stdout)) == (0, {"ErrorCode": 0})


def test_a_server_behind_a_path_is_called_there(invoke: Invoke) -> None:
    heard: list[bytes] = []
    with answering(answer_of(b'{"ErrorCode": 0}'), heard=heard) as url:
        assert invoke("call", "--url", f"{url}/chat/", GET, "{}").exit_code == 0
    assert heard[0].startswith(f"POST /chat/v4/{GET}?sdkappid={SDKAPPID}&identifier={ADMIN}&".encode())
    assert heard[0].endswith(b"{}")
