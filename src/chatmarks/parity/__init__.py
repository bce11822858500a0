"""Another server of this API compared with chatmarks: see `docs/parity.md`."""
