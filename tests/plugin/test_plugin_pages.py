"""What the pages say of the plugin, the example, and the wheel."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

from chatmarks import pytest_plugin
from chatmarks.testing.wishes import Wish
from plugin.runs import NOWHERE, environment, run, tried

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/testing.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("\n## With pytest\n")[2].partition("\n## ")[0]
CONTROL = (ROOT / "docs/control.md").read_text(encoding="utf-8")
EXAMPLE = ROOT / "examples/support_desk"


def programs(text: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_the_tests_of_the_page_pass(tmp_path: Path) -> None:
    head = "import pytest\nfrom chatmarks.client import ChatError\n"
    (seed,) = re.findall(r"^```ndjson\n(.*?)^```", CONTROL, re.MULTILINE | re.DOTALL)
    (tmp_path / "seed.ndjson").write_text(seed, encoding="utf-8")
    done = tried(tmp_path, "\n".join([head, *programs(SECTION)]))
    assert (done.code, done.counts) == (0, {"passed": 6}), done.text


def test_the_three_faults_take_three_lines_each() -> None:
    bodies = re.findall(
        r"^def (\w+)\(chatmarks\):\n((?:    .*\n)+)", programs(SECTION)[1], re.MULTILINE
    )
    assert [body.count("\n") for _, body in bodies] == [3, 3, 3]


def test_the_page_names_every_fixture_option_and_argument() -> None:
    source = inspect.getsource(pytest_plugin)
    fixtures = re.findall(r"^@pytest\.fixture.*\ndef (\w+)", source, re.MULTILINE)
    assert len(fixtures) == 3
    options = re.findall(r'^        \("(\w+)", "', source, re.MULTILINE)
    assert options == ["store", "profile", "seed"]
    named = [*fixtures, *Wish.__struct_fields__]
    named += [each for name in options for each in (f"--chatmarks-{name}", f"chatmarks_{name}")]
    assert [name for name in named if f"`{name}`" not in SECTION] == []


@pytest.mark.parametrize("page", ["README.md", "README.zh-CN.md"])
def test_the_test_of_the_readmes_passes_and_has_ten_lines(tmp_path: Path, page: str) -> None:
    (program,) = programs((ROOT / page).read_text(encoding="utf-8"))
    assert program in programs(PAGE)
    assert program.count("\n") == 10
    assert tried(tmp_path, program).counts == {"passed": 1}


def test_the_example_passes_in_four_processes() -> None:
    done = run(EXAMPLE, "-n", "4")
    assert done.code == 0, done.text
    assert done.counts["passed"] > 15
    assert done.counts.keys() == {"passed"}


def test_the_tests_of_the_example_use_nothing_but_the_plugin() -> None:
    source = (EXAMPLE / "tests/test_inbox.py").read_text(encoding="utf-8")
    named = re.findall(r"^(?:from|import) (\w+)", source, re.MULTILINE)
    assert {*named} == {"__future__", "itertools", "pytest", "chatmarks", "support_desk"}
    assert [path.name for path in EXAMPLE.rglob("conftest.py")] == []


def test_the_wheel_brings_the_plugin_and_ten_lines_pass_with_it_offline(tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", str(tmp_path), str(ROOT)]
    subprocess.run(build, check=True, env=environment(), cwd=tmp_path)
    (wheel,) = tmp_path.glob("chatmarks-*.whl")
    site, tests = tmp_path / "site", tmp_path / "tests"
    tests.mkdir()
    into = ["install", "--no-deps", "--no-index", "--target", str(site), str(wheel)]
    subprocess.run([*pip, *into], check=True, env=environment())
    (program,) = programs((ROOT / "README.md").read_text(encoding="utf-8"))
    where = f"""
def test_it_is_the_one_of_the_wheel():
    import chatmarks.testing
    assert chatmarks.testing.__file__.startswith({str(site)!r})
"""
    assert tried(tests, program + where, PYTHONPATH=str(site)).counts == {"passed": 2}
    done = tried(tests, program, PYTHONPATH=str(site), HTTPS_PROXY=NOWHERE)
    assert done.counts == {"passed": 1}, done.text
