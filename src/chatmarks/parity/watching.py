"""What all answers of a run tell together: decided answers 32, 35 and 39."""

from __future__ import annotations

from chatmarks.errors import CODES
from chatmarks.parity.asks import Ask, Asker, Reply
from chatmarks.parity.scene import Check, Trial

_BASE = {"ActionStatus", "ErrorCode", "ErrorInfo", "ErrorDisplay"}
_PROMISES = {
    "every answer is HTTP 200 with one JSON object": (39,),
    "every answer has ErrorDisplay": (39,),
    "a failed call has the four base fields and nothing else": (39,),
    "no answer has a RequestId in its body": (35,),
    "every code is one of the table": (32,),
}


class Watched:
    """Passes calls on to `asker` and looks at every answer."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker
        self.calls = 0
        self._codes: set[int] = set()
        self._broken: dict[str, tuple[Ask, Reply]] = {}

    async def __call__(self, ask: Ask) -> Reply:
        reply = await self._asker(ask)
        self.calls += 1
        if reply.code is not None:
            self._codes.add(reply.code)
        kept = (
            not reply.fault,
            bool(reply.fault) or "ErrorDisplay" in reply.answer,
            bool(reply.fault) or reply.code == 0 or reply.answer.keys() <= _BASE,
            "RequestId" not in reply.answer,
            bool(reply.fault) or reply.code in CODES,
        )
        for promise, is_kept in zip(_PROMISES, kept, strict=True):
            if not is_kept:
                self._broken.setdefault(promise, (ask, reply))
        return reply

    def trial(self) -> Trial:
        """What was seen; of a broken promise the first call that broke it."""
        trial = Trial(None)
        for promise, numbers in _PROMISES.items():
            if promise in self._broken:
                trial.saw(promise, *self._broken[promise], fits=False, numbers=numbers)
            elif numbers == (32,):
                met = len(self._codes & CODES.keys())
                trial.untold[32] = f"{met} of {len(CODES)} codes were met, and no other"
            else:
                trial.checks.setdefault(numbers[0], []).append(Check(promise, fits=True))
        return trial
