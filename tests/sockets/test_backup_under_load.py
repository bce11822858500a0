"""A backup taken while a real server writes: it restores, verifies, and has what was acknowledged."""

from __future__ import annotations

import asyncio
from pathlib import Path

from chatmarks.book import Account
from chatmarks.engines import open_store
from harness import SDKAPPID, account
from process import Client, Server, run, serving

WRITERS = 8
MARK = "recentcontact/mark_contact"


class Writer:
    """Marks one conversation after another: its book is right when it has the first `count`, each
    with its number, for some `count`."""

    def __init__(self, number: int) -> None:
        self.userid = f"writer{number}"
        self.acknowledged = 0
        self.begun = 0
        self.stopped = False

    async def write(self, url: str) -> None:
        async with Client(url) as client:
            while not self.stopped:
                # Round and round over 500, so that rows are changed as well as added.
                peer, self.begun = self.begun % 500, self.begun + 1
                item = {
                    "OptType": 2,
                    "ContactItem": account(f"peer{peer}"),
                    "CustomMark": str(self.begun),
                }
                await client.ok(MARK, {"From_Account": self.userid, "MarkItem": [item]})
                self.acknowledged = self.begun

    def check(self, found: dict[str, str], *, least: int) -> None:
        """`found` must be this book after some number of its changes, `least` or more."""
        newest = max(map(int, found.values()))
        assert least <= newest <= self.begun
        last = range(max(0, newest - 500), newest)
        assert found == {f"peer{number % 500}": str(number + 1) for number in last}


async def filled(server: Server, writers: list[Writer]) -> None:
    async with Client(server.url) as client:
        for writer in writers:
            await client.ok("im_open_login_svc/account_import", {"UserID": writer.userid})


async def test_a_backup_under_load_restores_to_a_store_with_all_that_was_acknowledged(
    tmp_path: Path,
) -> None:
    store, copy, again = (tmp_path / name for name in ("books.db", "copy.db", "again.db"))
    writers = [Writer(number) for number in range(WRITERS)]
    with serving("--store", f"sqlite:///{store}") as server:
        await filled(server, writers)
        writing = [asyncio.create_task(writer.write(server.url)) for writer in writers]
        await asyncio.sleep(1)
        before = [writer.acknowledged for writer in writers]
        made = await asyncio.to_thread(run, "backup", str(copy), "--store", f"sqlite:///{store}")
        assert made.returncode == 0, made.stderr
        after = [writer.acknowledged for writer in writers]
        # A store that a server has open is read through, and not replaced.
        looked = await asyncio.to_thread(run, "verify", "--store", f"sqlite:///{store}")
        refused = await asyncio.to_thread(
            run, "restore", str(copy), "--force", "--store", f"sqlite:///{store}"
        )
        written = [writer.acknowledged for writer in writers]
        await asyncio.sleep(0.2)
        for writer in writers:
            writer.stopped = True
        await asyncio.gather(*writing)
    assert min(before) > 0
    assert sum(after) > sum(before), "nothing was written during the backup"
    assert sum(writer.acknowledged for writer in writers) > sum(written), "the server stood still"
    assert looked.returncode == 0, looked.stdout
    assert refused.returncode == 2
    assert refused.stderr == (
        f"chatmarks: store {str(store)!r} is open in another process; stop its servers first\n"
    )

    restored = run("restore", str(copy), "--store", f"sqlite:///{again}")
    assert restored.returncode == 0, restored.stderr
    verified = run("verify", "--store", f"sqlite:///{again}")
    assert verified.returncode == 0, verified.stdout
    opened = await open_store(f"sqlite:///{again}", create=False)
    for writer, least in zip(writers, before, strict=True):
        book = (await opened.read(Account(SDKAPPID, writer.userid))).book
        writer.check({peer.id: entry.custom_mark for peer, entry in book.entries.items()}, least=least)
    await opened.close()

    # With its server stopped the store itself can be replaced, and served again.
    assert run("restore", str(copy), "--force", "--store", f"sqlite:///{store}").returncode == 0
    with serving("--store", f"sqlite:///{store}") as server:
        async with Client(server.url) as client:
            item = {"OptType": 1, "ContactItem": account("new"), "SetMark": [0]}
            await client.ok(MARK, {"From_Account": writers[0].userid, "MarkItem": [item]})
