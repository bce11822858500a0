"""The examples of `docs/client.md` do what they say."""

from __future__ import annotations

import re
from pathlib import Path

from chatmarks.client.lists import LONG_LISTS
from chatmarks.client.pages import CURSORS
from chatmarks.client.road import Patience
from chatmarks.regions import REGIONS
from process import serving

PAGE = (Path(__file__).parents[2] / "docs/client.md").read_text()


def test_the_examples_run_in_their_order() -> None:
    examples = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(examples) == PAGE.count("```python") == 9
    with serving() as server:
        story = "\n".join(examples).replace("http://127.0.0.1:8600", server.url)
        names: dict[str, object] = {"__name__": "examples"}
        exec(compile(story, "docs/client.md", "exec"), names)
        assert names["count"] == 250


def test_the_page_names_every_region_page_and_default() -> None:
    for name in REGIONS:
        assert f"`{name}`" in PAGE
    for command in CURSORS:
        assert f"`{command.rpartition('/')[2]}`" in PAGE
    assert len([path for path in LONG_LISTS if path.startswith("recentcontact")]) == 3
    patience = Patience()
    assert f"({patience.timeout_seconds:g} by default" in PAGE
    assert f"({patience.deadline_seconds:g})" in PAGE
    assert f"({patience.attempts};" in PAGE
