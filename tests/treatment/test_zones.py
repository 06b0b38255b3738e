"""Zones by code and key."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicectl.treatment.zones import BY_CODE, BY_KEY, ZONES, UnknownZone, parse_zone


def test_ten_zones_on_ten_keys():
    assert [zone.key for zone in ZONES] == list("1234567890")
    assert [zone.code for zone in ZONES] == ["FHL", "FRL", "FRR", "FTL", "FTR", "MID", "PAL", "PAR", "VTX", "OCC"]
    assert (
        len(BY_CODE) == len(BY_KEY) == len({zone.name for zone in ZONES}) == len({zone.short for zone in ZONES}) == 10
    )
    assert all(0 < len(zone.short) <= 6 for zone in ZONES)


def test_areas_are_salts_weights_of_a_scalp_of_600_cm2():
    area = {zone.code: zone.area_cm2 for zone in ZONES}
    assert sum(area.values()) == 600
    assert area["OCC"] == 0.24 * 600
    for side in "LR":
        assert area[f"FT{side}"] + area[f"PA{side}"] == 0.18 * 600
    assert all(zone.area_estimated for zone in ZONES)


@pytest.mark.parametrize("zone", ZONES, ids=lambda zone: zone.code)
def test_a_zone_is_found_by_its_code(zone):
    assert parse_zone(f" {zone.code.lower()} ") is zone


def test_a_custom_patch_has_its_number_and_can_be_measured():
    patch = parse_zone("cus-12")
    assert (patch.code, patch.name, patch.key) == ("CUS-12", "Custom patch 12", "")
    assert len(patch.short) <= 6
    measured = patch.measured(350)
    assert (measured.area_cm2, measured.area_estimated) == (3.5, False)
    with pytest.raises(ValueError, match="positive"):
        patch.measured(0)


@given(st.text(max_size=12))
def test_anything_else_is_refused_with_the_codes_there_are(text):
    code = text.strip().upper()
    if code in BY_CODE or re.fullmatch("CUS-[1-9][0-9]?", code):
        assert parse_zone(text).code == code
        return
    with pytest.raises(UnknownZone, match="FHL, FRL") as caught:
        parse_zone(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "CUS", "CUS-0", "CUS-100", "CUS-٣", "VTX\n1", "XYZ"])
def test_near_misses_are_refused(text):
    with pytest.raises(UnknownZone):
        parse_zone(text)
