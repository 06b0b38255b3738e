"""Photographs at a real station: only with consent, no copy without a row, and read in another process than the pens'."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from .harness import Place, Puppet

PIN = "480917"


def picture(place: Place, name: str, colour: tuple[int, int, int]) -> str:
    path = place.folder / name
    Image.new("RGB", (640, 480), colour).save(path, "JPEG")
    return str(path)


def register(client: Puppet, file: str, **more: Any) -> dict[str, Any]:
    values = {"file": file, "view": "front", "phase": "before"}
    return {"form": "photo", "values": values, "client": "T-1", **more}


@pytest.mark.timeout(120)
def test_a_photograph_is_kept_with_consent_only_and_a_refused_one_leaves_no_copy(place: Place) -> None:
    station, pen, client = place.station(), place.pen(), place.client()
    client.ask("operator.add", name="Ada", role="administrator", pin=PIN)
    client.ask("operator.sign_in", name="Ada", pin=PIN)
    for code in ("T-1", "T-2"):
        client.ask("form.submit", form="client", values={"code": code, "training": "yes"})
    copies = place.database.with_name(f"{place.database.name}.photos")
    red, blue = picture(place, "red.jpg", (200, 30, 30)), picture(place, "blue.jpg", (20, 30, 200))

    def kept() -> list[Path]:
        return sorted(copies.glob("*")) if copies.exists() else []

    assert "record it before" in client.refusal("form.submit", **register(client, red))
    client.ask("pen.open", address=pen.address, wait_s=20.0)
    client.until(lambda v: v["pen"]["motion"] == "still", "the pen is still")
    session = client.ask("session.open", purpose="treatment", client="T-1")["session"]
    client.ask("form.submit", form="consent", values={"photos": "no"})
    assert "allows no photographs" in client.refusal("form.submit", **register(client, red))
    assert kept() == []
    client.ask("form.submit", form="consent", values={"photos": "yes"})
    assert "no JPEG" in client.refusal("form.submit", **register(client, str(place.database)))
    client.ask("form.submit", **register(client, red))
    (row,) = place.rows("select copy_sha256, width, height from photos")
    assert (row["width"], row["height"], [one.stem for one in kept()]) == (640, 480, [row["copy_sha256"]])

    # Refused by the record itself, when the copy is there already: nothing more may come to a signed session.
    client.ask("session.close")
    client.ask("session.sign", session=session, pin=PIN, reason="a test")
    assert "signed" in client.refusal("form.submit", **register(client, blue, session=session))
    assert "signed" in client.refusal("form.submit", **register(client, red, session=session))
    assert [one.stem for one in kept()] == [row["copy_sha256"]]
    if sys.platform == "linux":
        maps = Path(f"/proc/{station.pid}/maps").read_text()
        assert "sqlite" in maps
        assert "PIL" not in maps
    place.sound()
