"""Moves the groups and marks of accounts between a server, whoever runs it, and a store.

Nothing here knows a command line. It needs the packages of the extra `client`.
"""
