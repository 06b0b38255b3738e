"""The pages of HELLO that a simulated pen gives."""

from __future__ import annotations

from drivers.penlink.messages import (
    CARTRIDGE_PRESENT,
    CARTRIDGE_USED,
    FEATURE_BUTTON,
    FEATURE_CONTACT,
    FEATURE_CORRECTION,
    FEATURE_FOOTSWITCH,
    FEATURE_PARK,
    HelloCapabilities,
    HelloCartridge,
    HelloModel,
    HelloUnit,
    Message,
    Page,
)

from .profile import CartridgeData, Profile


def fixed_page(page: int, nonce: int, profile: Profile, serial: str, cartridge: CartridgeData | None) -> Message | None:
    """Any page but page 0, which speaks of the running session; None when there is no such page."""
    if page == Page.MODEL:
        return HelloModel(page, nonce, profile.manufacturer, profile.model)
    if page == Page.UNIT:
        return HelloUnit(page, nonce, serial, profile.firmware, profile.hardware)
    if page == Page.CAPABILITIES:
        return _capabilities(nonce, profile)
    if page == Page.CARTRIDGE:
        return _cartridge(nonce, cartridge)
    return None


def _capabilities(nonce: int, profile: Profile) -> HelloCapabilities:
    features = (
        FEATURE_CONTACT * profile.contact_sensor
        | FEATURE_BUTTON * profile.button
        | FEATURE_FOOTSWITCH * profile.footswitch
        | FEATURE_PARK * profile.parks
        | FEATURE_CORRECTION * profile.corrects
    )
    return HelloCapabilities(
        page=Page.CAPABILITIES,
        nonce=nonce,
        depth_min=profile.depth_min,
        depth_max=profile.depth_max,
        depth_step=profile.depth_step,
        depth_evaluated=profile.depth_evaluated,
        rate_min=profile.rate_min,
        rate_max=profile.rate_max,
        rate_step=profile.rate_step,
        lease_min=profile.lease_min,
        lease_max=profile.lease_max,
        run_max=profile.run_max,
        pause_max=profile.pause_max,
        telemetry_hz=profile.telemetry_hz,
        features=features,
    )


def _cartridge(nonce: int, cartridge: CartridgeData | None) -> HelloCartridge:
    if cartridge is None:
        return HelloCartridge(Page.CARTRIDGE, nonce, 0, 0, 0, 0, "", "", "")
    return HelloCartridge(
        page=Page.CARTRIDGE,
        nonce=nonce,
        flags=CARTRIDGE_PRESENT | CARTRIDGE_USED * cartridge.used,
        needles=cartridge.needles,
        depth_max=cartridge.depth_max_um,
        expiry=cartridge.expiry,
        type=cartridge.type,
        serial=cartridge.serial,
        lot=cartridge.lot,
    )
