"""The steps from one schema to the next, for SQLite and PostgreSQL alike, as SQL that an engine runs.

Alembic only writes the SQL and connects to nothing: the engines run it through their own drivers,
SQLite's with the library that they hold to be safe. Loaded only by who makes or mends a schema.
"""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Literal, TypeAlias

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

Dialect: TypeAlias = Literal["sqlite", "postgresql"]

NOTHING = "base"
"""The revision of a database without tables."""


def _config(output: StringIO) -> Config:
    config = Config(output_buffer=output)
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    return config


def revisions() -> list[str]:
    """All revisions, the oldest first."""
    directory = ScriptDirectory.from_config(_config(StringIO()))
    return [script.revision for script in directory.walk_revisions()][::-1]


def upgrade_script(dialect: Dialect, since: str, until: str) -> str:
    """The SQL that makes schema `until` of schema `since`, its stamp included, without BEGIN and
    COMMIT. Each statement ends with ";" and an empty line."""
    output = StringIO()
    config = _config(output)
    config.attributes["dialect"] = dialect
    command.upgrade(config, f"{since}:{until}", sql=True)
    return output.getvalue()
