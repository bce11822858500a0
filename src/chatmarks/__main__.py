"""`python -m chatmarks`: the same as `chatmarks`."""

from chatmarks.cli import main

main(prog_name="chatmarks")
