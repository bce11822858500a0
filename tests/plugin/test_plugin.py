"""The pytest plugin, in runs of pytest as its users make them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from plugin.runs import environment, run, tried

SEED = """{"chatmarks_export":1}
{"Line":"Account","SdkAppid":"1","UserID":"%s"}
{"Line":"End","Apps":0,"ChatGroups":0,"Accounts":1,"Lines":3}
"""

THERE = """
def test_it(chatmarks):
    names = ("from_ini", "typed", "marked")
    there = chatmarks.account_check(CheckItem=[{"UserID": name} for name in names]).ResultItem
    found = [item.UserID for item in there if item.AccountStatus == "Imported"]
    assert found == [%r]
"""


def test_tests_do_not_see_each_other(tmp_path: Path) -> None:
    done = tried(
        tmp_path,
        """
import pytest

seen = set()

@pytest.mark.parametrize("number", range(5))
def test_it(chatmarks, chatmarks_app, number):
    assert chatmarks.app is chatmarks_app
    assert chatmarks_app.sdkappid not in seen
    seen.add(chatmarks_app.sdkappid)
    assert chatmarks_app.show().accounts == 1
    chatmarks.account_import(UserID="user_0001")
    chatmarks.app.faults.answer(60006, command="recentcontact/mark_contact")

def test_the_apps_are_dropped(chatmarks_server):
    assert [app.sdkappid for app in chatmarks_server.control.apps()] == [1400000000]
    assert chatmarks_server.control.faults.all() == []
""",
    )
    assert (done.code, done.counts) == (0, {"passed": 6}), done.text


def test_processes_of_xdist_have_a_server_each_and_do_not_see_each_other(tmp_path: Path) -> None:
    done = tried(
        tmp_path,
        """
import pytest

@pytest.mark.parametrize("number", range(20))
def test_it(chatmarks, chatmarks_server, worker_id, tmp_path_factory, number):
    chatmarks.account_import(UserID="user_0001")
    assert chatmarks.app.show().accounts == 2
    assert len(chatmarks_server.control.apps()) == 2
    urls = tmp_path_factory.getbasetemp().parent / f"urls-{worker_id}"
    urls.write_text(chatmarks_server.url)
    others = [file.read_text() for file in urls.parent.glob("urls-*") if file != urls]
    assert chatmarks_server.url not in others
""",
        "-n",
        "2",
    )
    assert (done.code, done.counts) == (0, {"passed": 20}), done.text


def test_a_failed_test_shows_its_calls_and_why(tmp_path: Path) -> None:
    done = tried(
        tmp_path,
        """
import pytest

def test_it(chatmarks):
    chatmarks.account_import(UserID="user_0001")
    chatmarks.app.faults.drop(times=1, name="lost")
    chatmarks.account_import(UserID="user_0002")
    mark = {"OptType": 1, "SetMark": [0], "ContactItem": {"Type": 2, "ToGroupId": "nowhere"}}
    chatmarks.mark_contact(From_Account="user_0001", MarkItem=[mark])
    chatmarks.app.clock.move(days=2)
    chatmarks.account_import(UserID="user_0003")
    chatmarks.account_import(UserID="x" * 600)

def test_that_passes(chatmarks):
    chatmarks.account_import(UserID="passes_without_a_word")

def test_that_calls_nothing(chatmarks_app):
    assert False

@pytest.fixture
def broken(chatmarks):
    chatmarks.account_import(UserID="")

def test_that_fails_in_a_fixture(broken):
    pass

def test_without_an_app():
    assert False

def test_with_many_calls(chatmarks):
    for number in range(40):
        chatmarks.account_import(UserID=f"many_{number:02}")
    assert False
""",
        "-rA",
    )
    assert done.counts == {"failed": 4, "passed": 1, "error": 1}, done.text
    assert done.text.count("- chatmarks calls -") == 4
    for told in (
        "im_open_login_svc/account_import no answer (",
        "why     fault, lost: the connection was dropped",
        "why     rule, for item 0, 51007",
        "why     rule, 70001 USERSIG_EXPIRED: ",
        "sign anew",
        'request {"UserID":"xxx',
        "x…\n",
        "its app was not called",
        'request {"UserID":""}',
        "10 calls before these are left out",
        'request {"UserID":"many_39"}',
    ):
        assert told in done.text, told
    assert "passes_without_a_word" not in done.text
    assert 'request {"UserID":"many_09"}' not in done.text


def test_seeds_come_from_the_marker_the_option_or_the_ini_file(tmp_path: Path) -> None:
    below = tmp_path / "below"
    below.mkdir()
    for name, folder in (("from_ini", tmp_path), ("typed", tmp_path), ("marked", below)):
        (folder / f"{name}.ndjson").write_text(SEED % name)
    (tmp_path / "pytest.ini").write_text("[pytest]\nchatmarks_seed = from_ini.ndjson\n")
    test = below / "test_it.py"
    test.write_text(THERE % "from_ini")
    assert run(below).counts == {"passed": 1}
    test.write_text(THERE % "typed")
    assert run(tmp_path, "--chatmarks-seed", "typed.ndjson").counts == {"passed": 1}
    marker = "import pytest\npytestmark = pytest.mark.chatmarks(seed='marked.ndjson')\n"
    test.write_text(marker + THERE % "marked")
    done = run(tmp_path, "--chatmarks-seed", "typed.ndjson")
    assert done.counts == {"passed": 1}, done.text


def test_profiles_come_from_the_marker_the_option_or_the_ini_file(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\nchatmarks_profile = lenient\n")
    tests = """
import pytest

def test_it(chatmarks_app):
    assert chatmarks_app.show().profile == PROFILE

@pytest.mark.chatmarks(profile="2024-07")
class TestClass:
    @pytest.mark.chatmarks(overrides={"edition": "basic"}, admins=("boss",))
    def test_it(self, chatmarks_app):
        shown = chatmarks_app.show()
        assert (shown.profile, shown.admins) == ("2024-07", ("boss",))
        assert shown.overrides == {"edition": "basic"}

    @pytest.mark.chatmarks(profile="2026-04")
    def test_the_closest_marker_wins(self, chatmarks_app):
        assert chatmarks_app.show().profile == "2026-04"
"""
    assert tried(tmp_path, tests.replace("PROFILE", "'lenient'")).counts == {"passed": 3}
    done = tried(tmp_path, tests.replace("PROFILE", "'documented'"), "--chatmarks-profile=documented")
    assert done.counts == {"passed": 3}, done.text


@pytest.mark.parametrize("how", ["nothing", "option", "ini", "url"])
def test_the_store_is_the_one_that_was_asked_for(tmp_path: Path, how: str) -> None:
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\n" + ("chatmarks_store = sqlite\n" if how == "ini" else "")
    )
    options = {
        "option": ["--chatmarks-store=sqlite"],
        "url": [f"--chatmarks-store=sqlite:///{tmp_path}/own.db"],
    }
    tests = """
import glob, os, tempfile

def test_it(chatmarks):
    chatmarks.account_import(UserID="user_0001")
    assert chatmarks.app.show().accounts == 2
    files = glob.glob(os.path.join(tempfile.gettempdir(), "chatmarks-*", "books.db"))
    assert len(files) == OWN
"""
    own = int(how in ("option", "ini"))
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    done = tried(tmp_path, tests.replace("OWN", str(own)), *options.get(how, ()), TMPDIR=str(temporary))
    assert done.counts == {"passed": 1}, done.text
    assert (tmp_path / "own.db").exists() == (how == "url")
    assert [*temporary.glob("chatmarks-*")] == []


@pytest.mark.parametrize(
    ("marker", "told"),
    [
        (
            "'seed.ndjson'",
            "the marker chatmarks has 'seed.ndjson'; it takes seed, profile, overrides, admins",
        ),
        ("profle='lenient'", "the marker chatmarks has 'profle'; it takes seed, profile"),
        ("profile=7", "the marker chatmarks: Expected str | null, got int - at $.profile"),
        ("profile='cheap'", "no app for the test: profile 'cheap' is unknown; known: default"),
        ("admins=[]", "no app for the test: "),
        ("seed='nowhere.ndjson'", "nowhere.ndjson: [Errno 2] No such file"),
        ("seed='bad.ndjson'", "bad.ndjson: "),
    ],
)
def test_a_marker_that_cannot_be_used_is_told_without_a_traceback(
    tmp_path: Path, marker: str, told: str
) -> None:
    (tmp_path / "bad.ndjson").write_text("no export\n")
    done = tried(
        tmp_path,
        f"import pytest\n@pytest.mark.chatmarks({marker})\ndef test_it(chatmarks): pass\n"
        "def test_the_others_go_on(chatmarks): pass\n"
        "def test_and_nothing_is_left(chatmarks_server):\n"
        "    assert len(chatmarks_server.control.apps()) == 1\n",
    )
    assert done.counts == {"passed": 2, "error": 1}, done.text
    assert told in done.text
    assert "Traceback" not in done.text
    assert "pytest_plugin.py" not in done.text


def test_a_server_that_does_not_start_is_told_with_its_own_words(tmp_path: Path) -> None:
    test = "def test_it(chatmarks): pass\ndef test_again(chatmarks): pass\n"
    done = tried(tmp_path, test, "--chatmarks-store=mysql://here")
    assert done.counts == {"error": 2}
    assert "the chatmarks server did not start (exit " in done.text
    assert "mysql" in done.text.partition("did not start")[2]
    assert "pytest_plugin.py" not in done.text


def test_a_server_that_ended_is_told(tmp_path: Path) -> None:
    done = tried(
        tmp_path,
        """
def test_that_kills(chatmarks_app, chatmarks_server):
    chatmarks_server.process.process.kill()
    chatmarks_server.process.process.wait()
    assert False

def test_that_comes_then(chatmarks):
    pass
""",
    )
    assert done.counts == {"failed": 1, "error": 1}, done.text
    assert "the chatmarks server ended (exit -9)" in done.text
    assert "they could not be read: http://127.0.0.1:" in done.text


def test_settings_of_another_server_are_not_for_this_one(tmp_path: Path) -> None:
    done = tried(
        tmp_path,
        "def test_it(chatmarks_app): assert chatmarks_app.show().profile == 'default'\n",
        CHATMARKS_PORT="no port",
        CHATMARKS_WORKERS="4",
        CHATMARKS_ADMIN_TOKEN="a token that nobody knows here",
    )
    assert done.counts == {"passed": 1}, done.text


def test_a_folder_of_the_name_in_the_working_directory_is_not_taken_for_ours(tmp_path: Path) -> None:
    (tmp_path / "chatmarks").mkdir()
    (tmp_path / "chatmarks/notes.txt").write_text("marks of chats")
    assert tried(tmp_path, "def test_it(chatmarks): pass\n").counts == {"passed": 1}


def test_loading_the_plugin_loads_neither_the_client_nor_the_server(tmp_path: Path) -> None:
    done = tried(
        tmp_path,
        """
import sys

def test_it(pytestconfig):
    assert pytestconfig.pluginmanager.has_plugin("chatmarks")
    ours = [name for name in sys.modules if name.partition(".")[0] == "chatmarks"]
    assert sorted(ours) == ["chatmarks", "chatmarks.pytest_plugin"]
    assert {"httpx2", "msgspec", "tenacity", "click", "uvicorn"} & {*sys.modules} == set()
""",
    )
    assert done.counts == {"passed": 1}, done.text


def test_without_the_packages_of_the_client_the_extra_is_named(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("import sys\nsys.modules['httpx2'] = None\n")
    done = tried(tmp_path, "def test_it(chatmarks): pass\ndef test_other(): pass\n")
    assert done.counts == {"passed": 1, "error": 1}
    assert "pip install 'chatmarks[client]'; or 'chatmarks[testing]'" in done.text


def test_the_options_and_the_marker_are_explained(tmp_path: Path) -> None:
    told = run(tmp_path, "--help").text
    for name in ("store", "profile", "seed"):
        assert f"--chatmarks-{name}=" in told
        assert f"chatmarks_{name} (string):" in told
    assert "@pytest.mark.chatmarks(seed=None, profile=None" in run(tmp_path, "--markers").text


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_server_ends_with_its_run_however_that_ends(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "test_it.py").write_text(
        "import pathlib, time\n"
        "def test_it(chatmarks, chatmarks_server):\n"
        "    pathlib.Path('pid.new').write_text(str(chatmarks_server.process.process.pid))\n"
        "    pathlib.Path('pid.new').rename('pid')\n"
        "    time.sleep(60)\n"
    )
    pytest_run = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        # A run that is killed leaves the server's folder behind.
        env=environment(TMPDIR=str(tmp_path)),
        stdout=subprocess.PIPE,
        text=True,
    )
    with pytest_run:
        deadline = time.monotonic() + 60
        while not (tmp_path / "pid").exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        server = int((tmp_path / "pid").read_text())
        os.kill(server, 0)
        pytest_run.send_signal(number)
        assert pytest_run.stdout
        told = pytest_run.stdout.read()
    assert "ControlError" not in told
    deadline = time.monotonic() + 15
    while Path(f"/proc/{server}/cmdline").exists() and Path(f"/proc/{server}/cmdline").read_bytes():
        assert time.monotonic() < deadline, "the server is still there"
        time.sleep(0.05)
