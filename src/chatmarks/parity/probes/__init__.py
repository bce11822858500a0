"""The table of probes: each asks about decided answers, switches of the profile, or both.

They run in the order of the table: what comes first settles what the others may expect.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from chatmarks.parity.asks import Script
from chatmarks.parity.probes import gateway, groups, limits, marks, switches
from chatmarks.parity.scene import Scene, Trial


class Probe(Struct, frozen=True):
    """`script` asks about `numbers`, of which the first is meant where it says nothing else, and tells
    how `switches` stand. `needs_groups`: whether it makes sense only where the edition has groups and
    standard marks."""

    script: Callable[[Scene, Trial], Script[None]]
    numbers: tuple[int, ...] = ()
    switches: tuple[str, ...] = ()
    needs_groups: bool = False


PROBES = (
    Probe(switches.tickets, switches=("usersig",)),
    Probe(switches.edition, switches=("edition",)),
    Probe(switches.unknown_accounts, (9,), ("unknown_account", "check_to_account")),
    Probe(switches.unknown_chat_groups, (10,), ("unknown_chat_group",)),
    Probe(switches.no_admin, (15,), ("not_admin",)),
    Probe(switches.name_bytes, (4,), ("group_name_bytes_max",)),
    Probe(marks.times, (23,)),
    Probe(limits.full_account, (5, 6), ("pooling", "get_page_size")),
    Probe(limits.list_size, switches=("list_size_max",)),
    Probe(switches.absent_accounts, (40,)),
    Probe(marks.bit_numbers, (1,), needs_groups=True),
    Probe(marks.padding, (3,), needs_groups=True),
    Probe(groups.duplicate_names, (7,), needs_groups=True),
    Probe(groups.missing_groups, (8,), needs_groups=True),
    Probe(marks.absent_records, (11,)),
    Probe(marks.empty_lists, (12, 13)),
    Probe(marks.complete_time, (14,)),
    Probe(groups.without_members, (16,), needs_groups=True),
    Probe(groups.one_at_a_time, (17,)),
    Probe(marks.searches, (18,)),
    Probe(groups.free_ids, (19,), needs_groups=True),
    Probe(marks.dropped_records, (20, 21)),
    Probe(marks.custom_bytes, (24,)),
    Probe(gateway.order, (26,)),
    Probe(gateway.triggers, (27, 36)),
    Probe(marks.leaving, (28,)),
    Probe(marks.unchanged, (29,)),
    Probe(marks.loose_types, (30,)),
    Probe(gateway.repeats, (33,)),
    Probe(marks.missing_lists, (37, 16)),
    Probe(groups.group_names, (37,), needs_groups=True),
    Probe(groups.rename_result, (38,), needs_groups=True),
    Probe(gateway.unknown_commands, (39,)),
)
