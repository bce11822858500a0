"""Where the clients call, and what importing them takes."""

from __future__ import annotations

import subprocess
import sys
from typing import Any, get_args

import httpx2
import pytest

from chatmarks.client import REGIONS, AsyncClient, Client, RegionName
from chatmarks.client.calls import http_options
from chatmarks.client.hosts import Hosts, urls_of
from harness import ADMIN, KEY, SDKAPPID, Clock

# As the overview page (1047/34620) has them.
HOSTS = {
    "china": "console.tim.qq.com adminapi.my-imcloud.com",
    "singapore": "adminapisgp.im.qcloud.com adminapisgp.my-imcloud.com",
    "seoul": "adminapikr.im.qcloud.com adminapikr.my-imcloud.com",
    "tokyo": "adminapijpn.im.qcloud.com adminapijpn.my-imcloud.com",
    "frankfurt": "adminapiger.im.qcloud.com adminapiger.my-imcloud.com",
    "silicon-valley": "adminapiusa.im.qcloud.com adminapiusa.my-imcloud.com",
    "jakarta": "adminapiidn.im.qcloud.com adminapiidn.my-imcloud.com",
}


def test_every_region_has_its_host_and_backup() -> None:
    expected = {
        name: tuple(f"https://{host}" for host in hosts.split()) for name, hosts in HOSTS.items()
    }
    assert get_args(RegionName) == tuple(REGIONS) == tuple(HOSTS)
    for name, urls in expected.items():
        assert urls_of(name) == urls


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize(
    "server",
    [
        "mumbai",
        "China",
        "",
        "localhost:8600",
        "ftp://a",
        "http://",
        "http://a:0",
        "http://a:x",
        "http://a?b",
        "http://a#b",
        "http://a b",
        "http://é",
        [],
        ["http://a", "b"],
    ],
)
def test_what_is_neither_a_region_nor_a_url_is_refused(kind: type[Any], server: Any) -> None:
    with pytest.raises(ValueError, match="server"):
        kind(server, sdkappid=1, identifier="a", key="k")


@pytest.mark.parametrize("url", ["https://me:hunter2@host", "me:hunter2@host", "http://a:hunter2@b?c"])
def test_a_url_with_a_password_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ValueError, match="password") as caught:
        urls_of(url)
    assert "hunter2" not in str(caught.value)


def test_a_path_before_the_api_is_kept() -> None:
    assert urls_of("https://host/prefix/") == ("https://host/prefix",)


@pytest.mark.parametrize(
    "urls", [["https://127.0.0.1"], ["http://10.0.0.1"], ["http://localhost", "https://a"]]
)
def test_certificates_and_proxies_are_left_out_only_on_this_machine(urls: list[str]) -> None:
    assert http_options(urls) == {}
    assert (
        http_options(["http://localhost:1", "http://127.0.0.1", "http://[::1]:2"])["trust_env"] is False
    )


def test_a_host_that_could_not_be_reached_is_asked_first_again_after_half_a_minute() -> None:
    clock = Clock()
    hosts = Hosts(("http://a", "http://b"), clock)
    hosts.avoid("http://a")
    assert hosts.in_order() == ["http://b", "http://a"]
    hosts.avoid("http://b")
    assert hosts.in_order() == ["http://a", "http://b"]
    clock.now += 31
    assert hosts.in_order() == ["http://a", "http://b"]


def _python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )


def test_importing_the_client_imports_no_engine_and_no_server() -> None:
    heavy = "'apsw', 'asyncpg', 'alembic', 'uvicorn', 'starlette', 'cryptography', 'click'"
    ran = _python(
        "import sys, chatmarks.client\n"
        "print([name for name in sys.modules if name.startswith('chatmarks.engines')"
        f" or name in ({heavy}, 'chatmarks.service')])"
    )
    assert ran.stdout == "[]\n", ran.stderr


@pytest.mark.parametrize("missing", ["httpx2", "tenacity"])
def test_without_its_packages_the_client_tells_how_to_get_them(missing: str) -> None:
    ran = _python(
        f"import sys\nsys.modules[{missing!r}] = None\n"
        "try:\n    import chatmarks.client\nexcept ImportError as error:\n    print(error)"
    )
    assert ran.stdout == (
        f"chatmarks.client needs {missing}, which is not installed; pip install 'chatmarks[client]'\n"
    ), ran.stderr


def test_an_own_http_client_is_used_and_left_open(server_url: str) -> None:
    with httpx2.Client(headers={"X-Mine": "1"}) as http:
        with Client(server_url, sdkappid=SDKAPPID, identifier=ADMIN, key=KEY, http=http) as client:
            client.account_import(UserID="a")
        assert not http.is_closed
