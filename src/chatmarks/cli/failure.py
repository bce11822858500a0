"""What the user did wrong, in one line each, with exit code 2."""

from __future__ import annotations

import sys
from typing import NoReturn

import click

USAGE = 2


def refuse(*lines: str) -> NoReturn:
    """Print each of `lines` as a mistake and end with exit code 2."""
    for line in lines:
        click.echo(f"chatmarks: {line}", err=True)
    sys.exit(USAGE)
