"""Call caps: how many calls were let through in the current second. Counted in this process."""

from __future__ import annotations


class RateLimit:
    """Counts calls by key within one whole second of the clock it is told; bounded by the number of
    different keys in one second."""

    def __init__(self) -> None:
        self._second = 0
        self._counts: dict[tuple[int, str], int] = {}

    def admit(self, key: tuple[int, str], cap: int, now: int) -> bool:
        """Count a call of `key` at second `now`; False, and not counted, over `cap`."""
        if now != self._second:
            self._second = now
            self._counts.clear()
        count = self._counts.get(key, 0)
        if count >= cap:
            return False
        self._counts[key] = count + 1
        return True
