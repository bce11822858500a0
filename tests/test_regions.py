"""The table of regions."""

from __future__ import annotations

import re

import pytest

from chatmarks.regions import REGION_HOSTS, REGIONS


def test_every_region_has_two_hosts_of_its_own() -> None:
    assert len(REGIONS) == 7
    assert len(set(REGION_HOSTS)) == len(REGION_HOSTS) == 14


@pytest.mark.parametrize("host", REGION_HOSTS)
def test_a_host_is_a_name_below_a_domain_of_the_service(host: str) -> None:
    assert re.fullmatch(r"[a-z]+\.(tim\.qq|im\.qcloud|my-imcloud)\.com", host)


def test_nobody_can_change_the_table() -> None:
    with pytest.raises(TypeError):
        REGIONS["china"] = REGIONS["seoul"]  # type: ignore[index]
