"""The first page: what the server is, how it is, and what it did in the last hour."""

from __future__ import annotations

import time
from importlib.metadata import version
from itertools import islice

from starlette.responses import Response

from chatmarks.console.page import Visit
from chatmarks.console.plots import HEIGHT, WIDTH, plot
from chatmarks.errors import CODES

_CODES_MAX = 8


async def overview(visit: Visit) -> Response:
    """Store, version, readiness, how much there is, and the plots."""
    console = visit.console
    spans, now = console.history.spans(), time.time()
    codes = console.history.codes()
    shown = [
        (code, CODES[code].meaning if code in CODES else "", count)
        for code, count in islice(codes.items(), _CODES_MAX)
    ]
    return visit.page(
        "overview.html",
        version=version("chatmarks"),
        problem=await console.problem(),
        totals=await console.store.totals(),
        apps=await console.store.apps(),
        calls=sum(codes.values()),
        codes=shown,
        most=max(codes.values(), default=1),
        plots={
            "calls": plot(
                spans,
                now,
                [
                    ("all", lambda span: span.calls_per_second),
                    ("failed", lambda span: span.failed_per_second),
                ],
            ),
            "latency": plot(
                spans, now, [("p99", lambda span: span.p99_ms), ("median", lambda span: span.median_ms)]
            ),
        },
        width=WIDTH,
        height=HEIGHT,
        has_control=console.control is not None,
    )
