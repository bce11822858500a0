"""The command line."""

from __future__ import annotations

import click

from chatmarks.cli.app import app
from chatmarks.cli.backup import backup, restore, verify
from chatmarks.cli.call import call
from chatmarks.cli.compare import compare
from chatmarks.cli.completion import completion
from chatmarks.cli.config import config
from chatmarks.cli.copy import copy_command
from chatmarks.cli.demo import demo
from chatmarks.cli.export import export_command, import_command
from chatmarks.cli.migrate import migrate
from chatmarks.cli.mirror import mirror
from chatmarks.cli.parity import parity
from chatmarks.cli.pull import pull
from chatmarks.cli.push import push
from chatmarks.cli.serve import serve
from chatmarks.cli.sign import sign
from chatmarks.cli.tls import tls

EPILOG = """
\b
Start here:
  chatmarks serve --dev

\b
Let the Tab key complete commands and options, for bash, zsh and fish in turn:
  eval "$(chatmarks completion bash)"       in ~/.bashrc
  eval "$(chatmarks completion zsh)"        in ~/.zshrc, after compinit
  chatmarks completion fish | source        in ~/.config/fish/config.fish
"""


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=EPILOG,
)
@click.version_option(package_name="chatmarks", message="%(prog)s %(version)s")
def main() -> None:
    """Conversation groups and marks of the Tencent Cloud Chat server API, self-hosted."""


main.add_command(serve)
main.add_command(app)
main.add_command(sign)
main.add_command(call)
main.add_command(config)
main.add_command(tls)
main.add_command(demo)
main.add_command(completion)
main.add_command(migrate)
main.add_command(backup)
main.add_command(restore)
main.add_command(verify)
main.add_command(copy_command)
main.add_command(export_command)
main.add_command(import_command)
main.add_command(pull)
main.add_command(push)
main.add_command(compare)
main.add_command(mirror)
main.add_command(parity)
