"""`chatmarks completion`: what a shell needs to complete commands and options."""

from __future__ import annotations

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

EXAMPLES = """
\b
Examples, each a line for the start-up file of the shell:
  eval "$(chatmarks completion bash)"       in ~/.bashrc; bash 4.4 or newer
  eval "$(chatmarks completion zsh)"        in ~/.zshrc, after compinit
  chatmarks completion fish | source        in ~/.config/fish/config.fish
"""

_SHELLS: dict[str, type[ShellComplete]] = {
    "bash": BashComplete,
    "zsh": ZshComplete,
    "fish": FishComplete,
}


@click.command(epilog=EXAMPLES)
@click.argument("shell", type=click.Choice(list(_SHELLS)))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what lets SHELL complete commands and options."""
    root = context.find_root()
    # Not the method `source`, which would start a bash to ask for its version.
    complete = _SHELLS[shell](root.command, {}, "chatmarks", "_CHATMARKS_COMPLETE")
    click.echo(complete.source_template % complete.source_vars())
