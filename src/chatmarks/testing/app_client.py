"""The client of a test: one for an app that the test controls."""

from __future__ import annotations

from chatmarks.client import Client, ControlledApp


class AppClient(Client):
    """A `Client` for `app`, by whose clock its tickets are made. A ticket is replaced only when it was
    refused, so that a test meets that refusal."""

    def __init__(self, app: ControlledApp) -> None:
        super().__init__(
            app.url,
            sdkappid=app.sdkappid,
            identifier=app.identifier,
            usersig=app.usersig,
            # Never late: the machine's time says nothing about a ticket of the app's.
            clock=lambda: float("-inf"),
        )
        self.app = app
