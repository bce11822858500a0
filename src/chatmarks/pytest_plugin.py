"""The pytest plugin: a server for a run, an app and a client for each test. See `docs/testing.md`.

pytest loads it wherever chatmarks is installed, so nothing of the client or the server is imported
before a test asks for a fixture.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from chatmarks.testing import AppClient, ControlledApp, Server
    from chatmarks.testing.wishes import Wish

_APP = pytest.StashKey["ControlledApp"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options, each also in the ini file."""
    group = parser.getgroup("chatmarks")
    for name, what in (
        ("store", "store of the server: memory: (default), sqlite for a file of its own, or a URL"),
        ("profile", "behaviour profile of the apps of tests"),
        ("seed", "file that is put into the app of each test, lines of an export"),
    ):
        group.addoption(f"--chatmarks-{name}", metavar=name.upper(), help=what)
        parser.addini(f"chatmarks_{name}", what, default="")


def pytest_configure(config: pytest.Config) -> None:
    """The marker."""
    config.addinivalue_line(
        "markers",
        "chatmarks(seed=None, profile=None, overrides=None, admins=None): what the app of a test is"
        " made of; seed is relative to the file of the test",
    )


@pytest.fixture(scope="session")
def chatmarks_server(pytestconfig: pytest.Config) -> Iterator[Server]:
    """The server of this process of the run."""
    from chatmarks.tethered import NotStarted, Tethered

    process = Tethered(_said(pytestconfig, "store"))
    try:
        # While the server starts: what this loads takes about as long.
        from chatmarks.testing import Server
    except ImportError as error:
        process.close()
        raise _failed(f"{error}; or 'chatmarks[testing]'") from None
    try:
        server = Server(process)
    except NotStarted as error:
        raise _failed(str(error)) from None
    yield server
    server.close()


@pytest.fixture
def chatmarks_app(request: pytest.FixtureRequest, chatmarks_server: Server) -> Iterator[ControlledApp]:
    """A fresh app, which is dropped after the test."""
    from chatmarks.client import ControlError

    wish = _wish(request)
    try:
        app = chatmarks_server.control.make_app(**wish.made_of())
    except ControlError as error:
        raise _failed(_why(chatmarks_server, error)) from None
    try:
        _put(wish.seed, app)
        request.node.stash[_APP] = app
        yield app
    finally:
        # One that ended by itself has nothing to drop; the test that follows tells of it.
        if chatmarks_server.process.process.poll() is None:
            app.drop()


@pytest.fixture
def chatmarks(chatmarks_app: ControlledApp) -> Iterator[AppClient]:
    """A client for the app of the test, which is its `app`."""
    from chatmarks.testing import AppClient

    with AppClient(chatmarks_app) as client:
        yield client


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add its calls to the report of a test that failed."""
    made = yield
    app = item.stash.get(_APP, None)
    if made.failed and app is not None and made.when != "teardown":
        from chatmarks.client import ControlError
        from chatmarks.testing.report import report

        try:
            calls = report(app.journal())
        except ControlError as error:
            calls = f"they could not be read: {error}"
        made.sections.append(("chatmarks calls", calls))
    return made


def _said(config: pytest.Config, name: str) -> str | None:
    """What the command line says, else the ini file."""
    said = config.getoption(f"chatmarks_{name}") or config.getini(f"chatmarks_{name}")
    return str(said) if said else None


def _wish(request: pytest.FixtureRequest) -> Wish:
    from chatmarks.testing.wishes import BadWish, Wish, over, wish_of

    config = request.config
    wish = Wish(_seed(config), _said(config, "profile"))
    # The closest one is the last to say something.
    for marker in reversed([*request.node.iter_markers("chatmarks")]):
        try:
            said = wish_of(marker.args, marker.kwargs, request.node.path.parent)
        except BadWish as error:
            raise _failed(str(error)) from None
        wish = over(said, wish)
    return wish


def _seed(config: pytest.Config) -> str | None:
    """A file on the command line is relative to where that was typed, one in the ini file to that."""
    if typed := config.getoption("chatmarks_seed"):
        return str(config.invocation_params.dir / typed)
    written = config.getini("chatmarks_seed")
    folder = config.inipath.parent if config.inipath else config.rootpath
    return str(folder / written) if written else None


def _put(seed: str | None, app: ControlledApp) -> None:
    from chatmarks.client import ControlError

    if seed is None:
        return
    try:
        app.seed(Path(seed))
    except (ControlError, OSError) as error:
        raise _failed(f"the seed {seed}: {error}") from None


def _failed(text: str) -> BaseException:
    """What ends a test with `text` and no traceback, which would be one of the plugin."""
    return pytest.fail.Exception(text, pytrace=False)


def _why(server: Server, error: Exception) -> str:
    code = server.process.process.poll()
    if code is None:
        return f"no app for the test: {error}"
    return f"the chatmarks server ended (exit {code}):\n{server.process.said()}"
