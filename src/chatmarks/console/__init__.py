"""The console: the server in a browser, on the admin listener."""
