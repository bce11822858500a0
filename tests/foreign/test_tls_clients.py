"""What `chatmarks tls trust` prints, done with the real languages and tools: each program asks the real
host name over HTTPS and is served on loopback; and none of them believes the authority about any other
name. Of the languages those are run that this machine has; the Python ones are always there."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from chatmarks.certificates import key_pem, pem
from chatmarks.cli.trust import Recipe, recipes
from chatmarks.regions import REGIONS, Region
from chatmarks.tls_folder import TlsFolder, ensured
from process import serving

CHINA = REGIONS["china"]
BANK = Region("bank.example", "branch.bank.example")

REQUESTS = "import requests, sys\n\ndef test():\n    assert requests.get({url!r}).text == {body!r}\n"
HTTPX = REQUESTS.replace("requests", "httpx")
STANDARD = (
    "import urllib.request\n\ndef test():\n"
    "    assert urllib.request.urlopen({url!r}).read().decode() == {body!r}\n"
)
ASYNC_HTTPX = """
import asyncio

async def ask():
    async with client:
        print((await client.get({url!r})).text, end="")

asyncio.run(ask())
"""
NODE_FETCH = "fetch({url!r}).then((a) => a.text()).then((t) => process.stdout.write(t))"
NODE_HTTPS = 'require("node:https").get({url!r}, (answer) => answer.pipe(process.stdout))'
JAVA = """
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;

class Ask {{
    public static void main(String[] given) throws Exception {{
        var request = HttpRequest.newBuilder(URI.create("{url}")).build();
        System.out.print(HttpClient.newHttpClient().send(request, BodyHandlers.ofString()).body());
    }}
}}
"""
GO = """
package main

import ("context"; "fmt"; "io"; "net"; "net/http"; "os")

func main() {{
{names}
	answer, problem := client.Get("{url}")
	if problem != nil {{ fmt.Fprintln(os.Stderr, problem); os.Exit(1) }}
	io.Copy(os.Stdout, answer.Body)
}}
"""
PHP = """<?php
$curl = curl_init('{url}');
curl_setopt($curl, CURLOPT_RETURNTRANSFER, true);
{names}
$answer = curl_exec($curl);
if ($answer === false) {{ fwrite(STDERR, curl_error($curl)); exit(1); }}
echo $answer;
"""


class Asked(NamedTuple):
    """Where a program works, what it has been told, and whom it asks."""

    folder: Path
    recipe: Recipe
    region: Region
    port: int

    @property
    def url(self) -> str:
        return f"https://{self.region.host}/healthz"

    def written(self, name: str, text: str) -> str:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    def run(self, *command: str, **environ: str) -> subprocess.CompletedProcess[str]:
        kept = {"PATH", "HOME", "GOROOT", "GOCACHE", "PHPRC", "PHP_INI_SCAN_DIR", "PYTHONPATH"}
        inherited = {name: value for name, value in os.environ.items() if name in kept}
        return subprocess.run(
            command,
            cwd=self.folder,
            env={**inherited, **self.recipe.environ, **environ},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


Run = Callable[[Asked], subprocess.CompletedProcess[str]]
BODY = "ok\n"


def with_curl(asked: Asked) -> subprocess.CompletedProcess[str]:
    line = asked.recipe.names.replace("curl ", "curl --silent --show-error ", 1)
    return asked.run("sh", "-c", line)


def with_pytest(test: str) -> Run:
    """A test in a project whose conftest.py is what was printed; its output is that of its answer."""

    def run(asked: Asked) -> subprocess.CompletedProcess[str]:
        asked.written("conftest.py", asked.recipe.names)
        asked.written("test_it.py", test.format(url=asked.url, body=BODY))
        found = asked.run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", ".")
        if found.returncode:
            return subprocess.CompletedProcess(found.args, 1, "", found.stdout)
        return subprocess.CompletedProcess(found.args, 0, BODY, found.stderr)

    return run


def with_async_httpx(asked: Asked) -> subprocess.CompletedProcess[str]:
    program = asked.written("ask.py", asked.recipe.names + ASYNC_HTTPX.format(url=asked.url))
    return asked.run(sys.executable, program)


def with_node(program: str) -> Run:
    def run(asked: Asked) -> subprocess.CompletedProcess[str]:
        hook = asked.written("at-loopback.cjs", asked.recipe.names)
        return asked.run("node", "--require", hook, "--eval", program.format(url=asked.url))

    return run


def with_node_lookup(asked: Asked) -> subprocess.CompletedProcess[str]:
    lookup = asked.recipe.note.splitlines()[-1]
    url = asked.url.replace("/healthz", f":{asked.port}/healthz")
    program = (
        f'require("node:https").get({url!r}, {{ {lookup} }}, (answer) => answer.pipe(process.stdout))'
    )
    return asked.run("node", "--eval", program)


def with_java(asked: Asked) -> subprocess.CompletedProcess[str]:
    url = asked.url.replace("/healthz", f":{asked.port}/healthz")
    program = asked.written("Ask.java", JAVA.format(url=url))
    return asked.run("sh", "-c", f'{asked.recipe.names}\nexec java "$0"', program)


def with_go(asked: Asked) -> subprocess.CompletedProcess[str]:
    program = asked.written("ask.go", GO.format(url=asked.url, names=asked.recipe.names))
    return asked.run("go", "run", program, GOFLAGS="-mod=mod")


def with_php(asked: Asked) -> subprocess.CompletedProcess[str]:
    program = asked.written("ask.php", PHP.format(url=asked.url, names=asked.recipe.names))
    options = asked.recipe.trust.partition(" …")[0].removeprefix("php ")
    return asked.run("sh", "-c", f'exec php {options} "$0"', program)


CLIENTS: dict[str, tuple[str, str, Run]] = {
    "curl": ("curl", "curl", with_curl),
    "python, standard library": ("python", sys.executable, with_pytest(STANDARD)),
    "python, requests": ("python", sys.executable, with_pytest(REQUESTS)),
    "python, httpx": ("python", sys.executable, with_pytest(HTTPX)),
    "python, httpx.AsyncClient": ("httpx", sys.executable, with_async_httpx),
    "node, fetch": ("node", "node", with_node(NODE_FETCH)),
    "node, https": ("node", "node", with_node(NODE_HTTPS)),
    "node, lookup": ("node", "node", with_node_lookup),
    "java": ("java", "java", with_java),
    "go": ("go", "go", with_go),
    "php": ("php", "php", with_php),
}
"""Each client: whose recipe it follows, the program that it takes, and how it is run."""

HERE = [name for name, (_, program, _) in CLIENTS.items() if shutil.which(program)]


@pytest.fixture
def folder(tmp_path: Path) -> TlsFolder:
    return ensured(tmp_path / "the folder", dt.datetime.now(dt.UTC)).folder


def asking(client: str, folder: TlsFolder, region: Region, url: str, work: Path) -> Asked:
    work.mkdir()
    port = int(url.rsplit(":", 1)[1])
    return Asked(work, recipes(folder, region, port)[CLIENTS[client][0]], region, port)


@pytest.mark.parametrize("client", HERE)
def test_a_client_that_only_knows_the_real_name_is_served(
    folder: TlsFolder, tmp_path: Path, client: str
) -> None:
    with serving("--tls", "--tls-dir", str(folder.path)) as server:
        asked = asking(client, folder, CHINA, server.url, tmp_path / "work")
        found = CLIENTS[client][2](asked)
    assert (found.returncode, found.stdout) == (0, BODY), found.stderr


@pytest.fixture
def forged(folder: TlsFolder) -> Iterator[str]:
    """The URL of a server that shows a certificate for a bank, signed with the key that is kept."""
    content = (folder.path / "issuer.pem").read_bytes()
    issuer, signing = x509.load_pem_x509_certificate(content), load_pem_private_key(content, None)
    assert isinstance(signing, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName(list(map(x509.DNSName, BANK))), critical=True)
        .sign(signing, hashes.SHA256())
    )
    file = folder.path / "forged.pem"
    file.write_bytes(key_pem(key) + pem(certificate, issuer))
    # So that Java finds the bank at loopback.
    folder.hosts_file.write_text(f"127.0.0.1 {BANK.host}\n", encoding="utf-8")
    with serving("--tls-cert", str(file), "--tls-key", str(file)) as server:
        yield server.url


@pytest.mark.parametrize("client", HERE)
def test_a_client_that_trusts_the_root_believes_it_about_no_other_name(
    folder: TlsFolder, forged: str, tmp_path: Path, client: str
) -> None:
    found = CLIENTS[client][2](asking(client, folder, BANK, forged, tmp_path / "work"))
    assert found.returncode != 0
    assert found.stdout == ""
    reasons = ("permitted subtree violation", "name constraints", "is not permitted by any constraint")
    assert any(reason in found.stderr.replace("\n", " ") for reason in reasons), found.stderr
