"""Radios by their spec: shared on a loop, closed by the last, and told apart when something is missing."""

import asyncio
import importlib.metadata
from typing import Any

import pytest

from drivers.api import PenError
from drivers.ble import radio
from drivers.ble.radio import GROUP, SystemRadio, take_radio

OPENED: list["CountedRadio"] = []


class CountedRadio(SystemRadio):
    """A radio that knows whether it is open."""

    def __init__(self) -> None:
        self.closed = 0

    async def close(self) -> None:
        self.closed += 1


async def open_counted(spec: str) -> CountedRadio:
    await asyncio.sleep(0.01)
    if spec.endswith("nobody"):
        raise ConnectionRefusedError(111, "Connection refused")
    if spec.endswith("bare"):
        raise ImportError("this needs more; run: pip install 'devicectl[simulator-ble]'")
    if spec.endswith("deaf"):
        await asyncio.Event().wait()
    OPENED.append(CountedRadio())
    return OPENED[-1]


@pytest.fixture(autouse=True)
def radios(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [
        importlib.metadata.EntryPoint("counted", f"{__name__}:open_counted", GROUP),
        importlib.metadata.EntryPoint("torn", "there_is_no_such_package:open_radio", GROUP),
    ]
    real = radio.entry_points
    monkeypatch.setattr(radio, "entry_points", lambda **how: points if how == {"group": GROUP} else real(**how))
    monkeypatch.setattr(radio, "OPEN_S", 0.2)
    OPENED.clear()


def refused(spec: str) -> tuple[str, str]:
    async def main() -> None:
        await take_radio(spec)

    with pytest.raises(PenError) as error:
        asyncio.run(main())
    assert str(error.value).endswith((".", "'"))
    return error.value.code, str(error.value)


async def test_one_spec_is_one_radio_until_the_last_lets_go() -> None:
    first, second = await asyncio.gather(take_radio("counted:1"), take_radio("counted:1"))
    other = await take_radio("counted:2")
    assert first.radio is second.radio is OPENED[0]
    assert other.radio is OPENED[1]
    await first.release()
    await first.release()
    assert OPENED[0].closed == 0
    await second.release()
    assert OPENED[0].closed == 1
    again = await take_radio("counted:1")
    assert again.radio is OPENED[2]
    await again.release()
    await other.release()
    assert [one.closed for one in OPENED] == [1, 1, 1]


async def test_an_opening_that_is_called_off_leaves_no_radio() -> None:
    task = asyncio.ensure_future(take_radio("counted:1"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0.1)
    assert all(one.closed for one in OPENED)
    hold = await take_radio("counted:1")
    await hold.release()


async def test_one_who_leaves_early_does_not_take_the_radio_from_the_other() -> None:
    task = asyncio.ensure_future(take_radio("counted:1"))
    other = asyncio.ensure_future(take_radio("counted:1"))
    await asyncio.sleep(0)
    task.cancel()
    hold = await other
    assert hold.radio is OPENED[0]
    assert OPENED[0].closed == 0
    await hold.release()
    assert OPENED[0].closed == 1


async def test_no_spec_is_the_computers_own() -> None:
    hold = await take_radio("")
    assert isinstance(hold.radio, SystemRadio)
    assert hold.radio.scanner is hold.radio.client is None
    await hold.release()


@pytest.mark.parametrize(
    ("spec", "code", "words"),
    [
        ("wifi:1", "unknown-radio", ("no radio 'wifi'", "counted, torn", "without --radio")),
        ("torn:1", "missing-extra", ("pip install 'devicectl[simulator-ble]'",)),
        ("counted:bare", "missing-extra", ("pip install 'devicectl[simulator-ble]'",)),
        ("counted:nobody", "radio-absent", ("Connection refused", "devicectl simulate ble")),
        ("counted:deaf", "radio-silent", ("does not answer", "devicectl simulate ble")),
    ],
)
def test_what_is_missing_is_said_with_the_next_step(spec: str, code: str, words: tuple[str, ...]) -> None:
    found, text = refused(spec)
    assert found == code
    for word in words:
        assert word in text


def test_the_radios_of_the_simulator_are_registered() -> None:
    names: set[Any] = {point.name for point in importlib.metadata.entry_points(group=GROUP)}
    assert {"tcp-client", "unix"} <= names
