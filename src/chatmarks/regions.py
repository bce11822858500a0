"""The regions of the real service, and the hosts that answer the server API there.

Source: document 1047/34620, "RESTful API overview", in its editions of 2024 to 2026. Mumbai, which the
editions of 2023 to February 2024 had, is gone from it, and so is left out here.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Region(NamedTuple):
    """Where a region answers: `host`, and `backup_host` for when that one cannot be reached.
    Both are names without scheme and port, and speak HTTPS on port 443."""

    host: str
    backup_host: str


REGIONS: Mapping[str, Region] = MappingProxyType(
    {
        "china": Region("console.tim.qq.com", "adminapi.my-imcloud.com"),
        "singapore": Region("adminapisgp.im.qcloud.com", "adminapisgp.my-imcloud.com"),
        "seoul": Region("adminapikr.im.qcloud.com", "adminapikr.my-imcloud.com"),
        "tokyo": Region("adminapijpn.im.qcloud.com", "adminapijpn.my-imcloud.com"),
        "frankfurt": Region("adminapiger.im.qcloud.com", "adminapiger.my-imcloud.com"),
        "silicon-valley": Region("adminapiusa.im.qcloud.com", "adminapiusa.my-imcloud.com"),
        "jakarta": Region("adminapiidn.im.qcloud.com", "adminapiidn.my-imcloud.com"),
    }
)
"""Every region by its name, in the order of the document. An app lives in one of them."""

REGION_HOSTS: tuple[str, ...] = tuple(host for region in REGIONS.values() for host in region)
"""Every host of every region, each followed by its backup."""
