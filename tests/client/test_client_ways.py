"""The clients over TLS, among threads and tasks, and when they are cancelled."""

from __future__ import annotations

import asyncio
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from certificates import make_certificate
from chatmarks.client import AsyncClient, Client, NoAnswer
from faulty import Proxy, answer_late
from harness import ADMIN, KEY, SDKAPPID, account
from process import serving


def test_a_server_is_called_over_tls_when_its_certificate_is_trusted(tmp_path: Path) -> None:
    cert, key = make_certificate(tmp_path, "localhost")
    trusting = ssl.create_default_context(cafile=cert)
    with serving("--tls-cert", cert, "--tls-key", key) as server:
        url = server.url.replace("127.0.0.1", "localhost")
        with httpx2.Client(verify=trusting) as http:
            client = Client(url, sdkappid=SDKAPPID, identifier=ADMIN, key=KEY, http=http)
            assert client.get_contact_group(From_Account=ADMIN, StartIndex=0).CompleteFlag == 1
        # The pages of the real service have no certificate of ours: who is not trusted is not asked.
        begin = time.monotonic()
        with (
            Client(url, sdkappid=SDKAPPID, identifier=ADMIN, key=KEY) as client,
            pytest.raises(NoAnswer, match="CERTIFICATE_VERIFY_FAILED") as caught,
        ):
            client.get_contact_group(From_Account=ADMIN, StartIndex=0)
        assert time.monotonic() - begin < 5
        assert not caught.value.is_passing


def test_threads_may_share_a_client(server_url: str, owner: str) -> None:
    with Client(server_url, sdkappid=SDKAPPID, identifier=ADMIN, key=KEY) as client:

        def mark(number: int) -> str | None:
            item = {"OptType": 1, "SetMark": [0], "ContactItem": account(f"u{number}")}
            result = client.mark_contact(From_Account=owner, MarkItem=[item]).ResultItem[0]
            assert not result.failed
            return result.ContactItem.To_Account or None

        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(mark, range(100))) == [f"u{number}" for number in range(100)]
        page = client.get_contact_group(From_Account=owner, StartIndex=0)
    assert len(page.ContactItem) == 100


async def test_tasks_may_share_a_client(server_url: str, owner: str) -> None:
    async with AsyncClient(server_url, sdkappid=SDKAPPID, identifier=ADMIN, key=KEY) as client:
        calls = (
            client.mark_contact(
                From_Account=owner,
                MarkItem=[{"OptType": 1, "SetMark": [0], "ContactItem": account(f"u{number}")}],
            )
            for number in range(100)
        )
        answers = await asyncio.gather(*calls)
    names = [answer.ResultItem[0].ContactItem.To_Account for answer in answers]
    assert names == [f"u{number}" for number in range(100)]


async def test_a_cancelled_call_ends_at_once_and_is_not_repeated(proxy: Proxy, owner: str) -> None:
    async with AsyncClient(proxy.url, sdkappid=SDKAPPID, identifier=ADMIN, key=KEY) as client:
        proxy.faults = [answer_late(2)]
        begin = time.monotonic()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await client.get_contact_group(From_Account=owner, StartIndex=0)
        assert time.monotonic() - begin < 1
        assert len(proxy.seen) == 1
        assert (await client.get_contact_group(From_Account=owner, StartIndex=0)).CompleteFlag == 1


def test_a_client_on_this_machine_is_made_in_no_time() -> None:
    Client("http://127.0.0.1:1", sdkappid=1, identifier="a", key="k").close()
    begin = time.process_time()
    for _ in range(20):
        Client("http://127.0.0.1:1", sdkappid=1, identifier="a", key="k").close()
    # Loading the certificates that a machine trusts takes longer than that for a single one.
    assert (time.process_time() - begin) / 20 < 0.01
