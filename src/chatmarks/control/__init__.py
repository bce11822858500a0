"""What testers control in a server that was started with `--control`: docs/control.md."""
