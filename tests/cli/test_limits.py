"""This station's own limits, from the file to the refusal."""

from __future__ import annotations

import pytest

from .conftest import House

RUN = ("--zone", "VTX", "--rate", "100", "--seconds", "0.5")


def limit(house: House, text: str) -> str:
    """Write the file at its usual place."""
    path = house.folder / "config" / "devicectl" / "limits.toml"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    house.env["XDG_CONFIG_HOME"] = str(house.folder / "config")
    return str(path)


def test_without_a_file_the_defaults_hold(house: House) -> None:
    shown = house.run("limits")
    assert shown.code == 0
    assert "1.50 mm" in shown.out
    assert "these are the defaults" in shown.out


def test_the_example_is_a_valid_file_that_changes_nothing(house: House) -> None:
    before = house.run("limits", "--json").json
    example = house.run("limits", "--example").out
    path = limit(house, example)
    after = house.run("limits", "--json").json
    assert after["file"] == path
    assert {**after, "file": "", "exists": False} == {**before, "file": "", "exists": False}
    # Every line that is commented out is a valid one too.
    uncommented = "\n".join(line.removeprefix("# ") for line in example.splitlines() if "=" in line or "[" in line)
    (house.folder / "config" / "devicectl" / "limits.toml").write_text(uncommented)
    shown = house.run("limits", "--json").json
    assert shown["operator_depth_um"] == 1200
    assert shown["zone_depth_um"] == {"FHL": 500, "VTX": 1000}


def test_a_limit_of_the_file_holds_at_the_pen(house: House) -> None:
    limit(house, "operator_depth_mm = 0.7\nmax_rate_hz = 90\n[zone_depth_mm]\nVTX = 0.5\n")
    pen = house.simulate()
    refused = house.run("run", pen.address, *RUN, "--depth", "0.9")
    assert refused.code == 1
    assert "0.90 mm → 0.70 mm: operator limit 0.70 mm" in refused.sentence
    assert "0.70 mm → 0.50 mm: zone VTX" in refused.sentence
    done = house.run("run", pen.address, *RUN, "--depth", "0.9", "--lower", "--json")
    assert done.code == 0, done.err
    assert (done.json["passes"][0]["depth_set_um"], done.json["passes"][0]["rate_set_mhz"]) == (500, 90_000)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("soft_depth_mm = 9", "soft_depth_mm"),
        ("soft_depth = 1", "soft_depth"),
        ("soft_depth_mm = 2.0\nhard_depth_mm = 1.0", "above hard_depth_mm"),
        ("[zone_depth_mm]\nNOSE = 1", "NOSE"),
        ("soft_depth_mm = nan", "soft_depth_mm"),
        ("this is not toml", "not TOML"),
        ("operator_depth_mm = true", "operator_depth_mm"),
        ("operator_depth_mm = 0.0004", "operator_depth_mm"),
        ("max_rate_hz = 0.0004", "max_rate_hz"),
        ("[zone_depth_mm]\nVTX = 0.5\nvtx = 1.5", "VTX is named twice"),
    ],
)
def test_a_file_that_cannot_be_understood_is_refused_whole(house: House, text: str, words: str) -> None:
    path = limit(house, text)
    shown = house.run("limits")
    assert shown.code == 1
    assert path in shown.sentence
    assert words in shown.sentence


def test_no_pen_is_driven_with_a_file_that_cannot_be_understood(house: House) -> None:
    limit(house, "operator_depth_mm = 'shallow'")
    pen = house.simulate()
    result = house.run("run", pen.address, *RUN, "--depth", "0.5")
    assert result.code != 0
    assert "operator_depth_mm" in result.sentence
    assert pen.rate_hz == 0


def test_info_and_doctor_tell_of_the_file(house: House) -> None:
    path = limit(house, "operator_depth_mm = 0.7\n")
    pen = house.simulate()
    assert "0.70 mm; a deeper request is refused" in house.run("info", pen.address).out
    assert path in house.run("doctor").out
    (house.folder / "config" / "devicectl" / "limits.toml").write_text("depth = 1")
    told = house.run("doctor", "--json").json
    assert [one["level"] for one in told["findings"] if one["area"] == "limits"] == ["error"]


def test_a_file_named_by_the_environment_must_be_there(house: House) -> None:
    house.env["DEVICECTL_LIMITS"] = str(house.folder / "gone.toml")
    assert "no such file" in house.run("limits").sentence


def test_an_override_is_asked_for_with_a_reason(house: House) -> None:
    assert house.run("run", "tcp://127.0.0.1:9", *RUN, "--depth", "0.5", "--override", "battery").code == 2
    pen = house.simulate()
    pen.tell("cartridge remove")
    shut = house.run("run", pen.address, *RUN, "--depth", "0.5")
    assert "--override cartridge=REASON" in shut.sentence
    refused = house.run("run", pen.address, *RUN, "--depth", "0.5", "--override", "cartridge=cannot be read")
    # The gate is open now, and the pen itself still says no.
    assert refused.code == 1
    assert "no cartridge" in refused.sentence
    shown = house.run("sessions", "show", "last")
    assert "cartridge: cannot be read" in shown.out


def test_a_changed_file_is_approved_by_somebody_who_may_and_not_by_a_practitioner(house: House) -> None:
    limit(house, "operator_depth_mm = 1.2")
    house.hire()
    house.env |= {"DEVICECTL_NEW_PIN": "480918"}
    assert house.run("operators", "add", "Pia Nord", "--role", "practitioner").code == 0
    done = house.run("limits", "--approve", "--operator", "Ada Berg", "--json")
    assert done.code == 0, done.err
    digest = done.json["digest"]
    assert house.run("limits", "--json").json["digest"] == digest
    house.env |= {"DEVICECTL_PIN": "480918"}
    denied = house.run("limits", "--approve", "--operator", "Pia Nord")
    assert denied.code == 1
    assert "may not change limits; a technician or an administrator may" in denied.sentence
    assert "limits-approved" in house.run("audit", "list", "--last", "20").out
