"""The extensions of the service `recentcontact`."""
