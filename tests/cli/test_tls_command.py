"""`chatmarks tls` and `chatmarks serve --tls`."""

from __future__ import annotations

import datetime as dt
import json
import re
import shlex
import shutil
import ssl
import subprocess
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from chatmarks.certificates import SERVER_DAYS
from chatmarks.cli.tls import _TOOLS
from chatmarks.regions import REGION_HOSTS
from chatmarks.tls_folder import FILES, ensured
from process import PROGRAM, run, serving

Invoke = Callable[..., Result]


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def ended(folder: Path) -> None:
    """Make a folder whose server certificate ended a minute ago."""
    made = dt.timedelta(days=SERVER_DAYS, minutes=1)
    ensured(folder, dt.datetime.now(dt.UTC) - made)


def test_init_says_what_it_made_and_until_when_it_is_good(invoke: Invoke, tmp_path: Path) -> None:
    result = invoke("tls", "init", "--dir", "certificates")
    assert result.exit_code == 0
    assert set(contents(tmp_path / "certificates")) == set(FILES)
    day = dt.datetime.now(dt.UTC) + dt.timedelta(days=SERVER_DAYS)
    for said in (str(tmp_path / "certificates"), *FILES, *REGION_HOSTS, f"until {day:%Y-%m-%d}"):
        assert said in result.stdout


def test_without_a_folder_it_is_the_users_own(invoke: Invoke, tmp_path: Path) -> None:
    result = invoke("tls", "init", "--json", HOME=str(tmp_path), CHATMARKS_TLS_DIR="")
    told = json.loads(result.stdout)
    assert Path(told["dir"]).is_relative_to(tmp_path)
    assert set(contents(Path(told["dir"]))) == set(FILES)


def test_init_again_leaves_everything_as_it_is(invoke: Invoke, tmp_path: Path) -> None:
    told = json.loads(invoke("tls", "init", "--dir", "certificates", "--json").stdout)
    before = contents(tmp_path / "certificates")
    again = json.loads(invoke("tls", "init", "--json", CHATMARKS_TLS_DIR="certificates").stdout)
    assert (told.pop("did"), again.pop("did")) == ("made", "left as it was")
    assert again == told
    assert contents(tmp_path / "certificates") == before


def test_what_ended_is_renewed_only_when_asked_and_the_root_stays(
    invoke: Invoke, tmp_path: Path
) -> None:
    ended(tmp_path)
    before = contents(tmp_path)
    refused = invoke("tls", "init", "--dir", str(tmp_path))
    assert (refused.exit_code, contents(tmp_path)) == (2, before)
    assert "server.pem expired" in refused.stderr
    assert "chatmarks tls init --renew" in refused.stderr
    told = json.loads(invoke("tls", "init", "--renew", "--dir", str(tmp_path), "--json").stdout)
    assert told["did"] == "renewed"
    assert dt.datetime.fromisoformat(told["until"]) > dt.datetime.now(dt.UTC)
    after = contents(tmp_path)
    assert {name for name in before if before[name] != after[name]} == {"server.pem"}


def test_a_foreign_file_stays_unless_forced(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "hosts").write_text("mine")
    refused = invoke("tls", "init", "--dir", ".")
    assert refused.exit_code == 2
    assert refused.stderr.startswith("chatmarks: ")
    assert "--force" in refused.stderr
    assert contents(tmp_path) == {"hosts": b"mine"}
    assert invoke("tls", "init", "--dir", ".", "--force").exit_code == 0
    assert set(contents(tmp_path)) == set(FILES)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("init", "--renew", "--force"), "--renew and --force: only one of the two is allowed"),
        (("init", "--renew"), "{}/gone has no certificates; chatmarks tls init makes them"),
        (("trust",), "{}/gone has no certificates; chatmarks tls init makes them"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    invoke: Invoke, tmp_path: Path, arguments: tuple[str, ...], line: str
) -> None:
    result = invoke("tls", *arguments, "--dir", "gone")
    assert (result.exit_code, result.stderr) == (2, f"chatmarks: {line.format(tmp_path)}\n")


def test_trust_tells_every_tool_or_one(invoke: Invoke) -> None:
    invoke("tls", "init", "--dir", ".")
    everything = invoke("tls", "trust", "--dir", ".").stdout
    told = json.loads(invoke("tls", "trust", "--dir", ".", "--json").stdout)
    assert tuple(told["tools"]) == _TOOLS
    for tool in _TOOLS:
        assert f"== {tool}\n" in everything
        alone = invoke("tls", "trust", tool, "--dir", ".").stdout
        assert alone.strip() in everything
        assert re.findall(r"^== (\w+)$", alone, re.MULTILINE) == [tool]


def test_trust_speaks_of_the_region_and_port_that_are_meant(invoke: Invoke) -> None:
    invoke("tls", "init", "--dir", ".")
    told = invoke("tls", "trust", "--dir", ".", "--region", "jakarta", "--port", "8765").stdout
    assert "adminapiidn.im.qcloud.com:443:127.0.0.1:8765" in told
    assert "adminapiidn.my-imcloud.com" in told
    assert "console.tim.qq.com" not in told
    # Every blank is filled in.
    assert set(re.findall(r"@\w+", told)) == {"@pytest"}
    for wrong in (("--region", "mars"), ("--port", "0"), ("--port", "65536"), ("perl",)):
        assert invoke("tls", "trust", "--dir", ".", *wrong).exit_code == 2


def test_a_path_with_blanks_and_quotes_survives_the_shell(invoke: Invoke, tmp_path: Path) -> None:
    folder = tmp_path / "it's a folder"
    invoke("tls", "init", "--dir", str(folder))
    told = invoke("tls", "trust", "curl", "--dir", str(folder)).stdout.splitlines()
    shell = shutil.which("sh")
    assert shell
    finished = subprocess.run(
        [shell, "-c", f'{told[2]}\nprintf %s "$CURL_CA_BUNDLE"'],
        capture_output=True,
        text=True,
        check=True,
    )
    assert finished.stdout == str(folder / "ca.pem")


@pytest.mark.parametrize("how", ["flags", "variables", "file"])
def test_serve_uses_what_init_made(tmp_path: Path, how: str) -> None:
    folder = str(tmp_path / "certificates")
    assert run("tls", "init", "--dir", folder).returncode == 0
    (tmp_path / "settings.toml").write_text(f'tls = true\ntls_dir = "{folder}"\n')
    arguments, environ = {
        "flags": (["--tls", "--tls-dir", folder], {}),
        "variables": ([], {"CHATMARKS_TLS": "1", "CHATMARKS_TLS_DIR": folder}),
        "file": (["--config", str(tmp_path / "settings.toml")], {}),
    }[how]
    with serving(*arguments, environ=environ) as server:
        assert server.url.startswith("https://127.0.0.1:")
        assert server.announced["ca"] == f"{folder}/ca.pem"
        for host in ("127.0.0.1", "localhost"):
            url = server.url.replace("127.0.0.1", host)
            trusting = ssl.create_default_context(cafile=server.announced["ca"])
            with urllib.request.urlopen(f"{url}/healthz", context=trusting) as response:
                assert response.status == 200


def test_several_workers_use_it_too(tmp_path: Path) -> None:
    folder = str(tmp_path / "certificates")
    run("tls", "init", "--dir", folder)
    store = f"sqlite:///{tmp_path}/books.db"
    with serving("--tls", "--tls-dir", folder, "--workers", "2", "--store", store) as server:
        trusting = ssl.create_default_context(cafile=f"{folder}/ca.pem")
        with urllib.request.urlopen(f"{server.url}/healthz", context=trusting) as response:
            assert response.status == 200


def test_the_line_that_serve_prints_works_when_pasted(tmp_path: Path) -> None:
    folder = str(tmp_path / "a folder")
    run("tls", "init", "--dir", folder)
    ports = ("--port", "0", "--admin-port", "0")
    command = [*PROGRAM, "serve", "--dev", *ports, "--tls", "--tls-dir", folder]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        try:
            pasted = next(line for line in server.stdout if line.startswith("curl "))
            _, trust, ca, data, body, url = shlex.split(pasted)
            assert (trust, ca, data) == ("--cacert", f"{folder}/ca.pem", "-d")
            trusting = ssl.create_default_context(cafile=ca)
            with urllib.request.urlopen(url, body.encode(), context=trusting) as response:
                assert json.load(response)["ErrorCode"] == 0
        finally:
            server.terminate()


@pytest.mark.parametrize(
    ("arguments", "environ", "line"),
    [
        (
            ("--tls", "--tls-cert", "cert.pem", "--tls-key", "key.pem"),
            {},
            "--tls and --tls-cert: only one of the two is allowed",
        ),
        (
            ("--tls-key", "key.pem"),
            {"CHATMARKS_TLS": "yes"},
            "CHATMARKS_TLS and --tls-key: only one of the two is allowed",
        ),
        (
            ("--tls", "--tls-dir", "/nowhere"),
            {},
            "--tls: /nowhere has no certificates; chatmarks tls init makes them",
        ),
        (
            (),
            {"CHATMARKS_TLS": "perhaps"},
            "CHATMARKS_TLS: 'perhaps' is neither on nor off; 1 and 0 are allowed",
        ),
        (("--tls", "--tls-dir", ""), {}, "--tls-dir: '' is not a text of one character or more"),
    ],
)
def test_settings_that_exclude_each_other_are_one_line(
    tmp_path: Path, arguments: tuple[str, ...], environ: dict[str, str], line: str
) -> None:
    environ = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path), **environ}
    finished = run("serve", "--dev", *arguments, environ=environ)
    assert finished.returncode == 2
    assert finished.stderr.splitlines()[0] == f"chatmarks: {line}"


def test_a_certificate_that_ended_is_not_served(tmp_path: Path) -> None:
    ended(tmp_path)
    finished = run("serve", "--dev", "--tls", "--tls-dir", str(tmp_path))
    assert finished.returncode == 2
    (line,) = finished.stderr.splitlines()
    assert line.startswith(f"chatmarks: --tls: {tmp_path}/server.pem expired ")
    assert "chatmarks tls init --renew" in line


def test_config_check_finds_that_there_are_no_certificates(invoke: Invoke, tmp_path: Path) -> None:
    result = invoke("config", "check", "--tls", "--tls-dir", "gone")
    assert result.exit_code == 2
    assert "gone has no certificates" in result.stderr
    assert invoke("config", "check", CHATMARKS_TLS="0").exit_code == 0
