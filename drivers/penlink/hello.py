"""The pages of HELLO put together into the types of the pen interface."""

from __future__ import annotations

from datetime import date
from typing import TypeVar

from drivers.api import Capabilities, Cartridge, Identity

from .messages import (
    CARTRIDGE_PRESENT,
    CARTRIDGE_USED,
    FEATURE_BUTTON,
    FEATURE_CONTACT,
    FEATURE_FOOTSWITCH,
    FLAG_SIMULATED,
    PAGE_COUNT,
    PROTOCOL,
    HelloCapabilities,
    HelloCartridge,
    HelloModel,
    HelloSession,
    HelloUnit,
)
from .session import Hello

P = TypeVar("P", HelloSession, HelloModel, HelloUnit, HelloCapabilities, HelloCartridge)


def _iso(yyyymmdd: int) -> str:
    """ISO 8601; empty for 0 and for what is no date."""
    try:
        return date(yyyymmdd // 10_000, yyyymmdd // 100 % 100, yyyymmdd % 100).isoformat()
    except ValueError:
        return ""


class Pages:
    """Collects pages; every getter needs its pages to be in."""

    def __init__(self) -> None:
        self._pages: dict[type[Hello], Hello] = {}

    def take(self, page: Hello) -> None:
        """Add a page; a later one of the same number replaces it."""
        self._pages[type(page)] = page

    @property
    def complete(self) -> bool:
        """True when every page is in."""
        return len(self._pages) == PAGE_COUNT

    def _get(self, kind: type[P]) -> P:
        page = self._pages[kind]
        assert isinstance(page, kind)
        return page

    def identity(self) -> Identity:
        """From pages 0, 1 and 2."""
        session, model, unit = self._get(HelloSession), self._get(HelloModel), self._get(HelloUnit)
        return Identity(
            manufacturer=model.manufacturer,
            model=model.model,
            serial=unit.serial,
            firmware=unit.firmware,
            hardware=unit.hardware,
            boot_id=session.boot_id,
            protocol=PROTOCOL,
            schema_hash=session.schema_hash,
            simulated=bool(session.flags & FLAG_SIMULATED),
        )

    def capabilities(self) -> Capabilities:
        """From page 3."""
        p = self._get(HelloCapabilities)
        return Capabilities(
            depth_min_um=p.depth_min,
            depth_max_um=p.depth_max,
            depth_step_um=p.depth_step,
            rate_min_mhz=p.rate_min,
            rate_max_mhz=p.rate_max,
            rate_step_mhz=p.rate_step,
            lease_min_ms=p.lease_min,
            lease_max_ms=p.lease_max,
            run_max_ms=p.run_max,
            pause_max_ms=p.pause_max,
            telemetry_hz=p.telemetry_hz,
            has_contact=bool(p.features & FEATURE_CONTACT),
            has_button=bool(p.features & FEATURE_BUTTON),
            has_footswitch=bool(p.features & FEATURE_FOOTSWITCH),
            depth_evaluated_max_um=p.depth_evaluated,
        )

    def cartridge(self) -> Cartridge:
        """From page 4."""
        p = self._get(HelloCartridge)
        return Cartridge(
            present=bool(p.flags & CARTRIDGE_PRESENT),
            type=p.type,
            needles=p.needles,
            serial=p.serial,
            lot=p.lot,
            expiry=_iso(p.expiry),
            depth_max_um=p.depth_max,
            used=bool(p.flags & CARTRIDGE_USED),
        )
