"""Two servers with the same accounts: changes sent on to the other one, or calls passed on to it."""
