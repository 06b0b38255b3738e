"""Operators at a real station: over its socket, over ``kill -9``, and nothing of a PIN left anywhere."""

from __future__ import annotations

import os
import random
import signal
import socket
import threading
import time
from typing import Any

from support.access import IN_TREATMENT, WHO, WORKS_LOCKED, expected

from devicectl.station.paths import STOP_ACK

from .harness import LONG_S, Place, RawClient, until

PIN = "480917"
ROLES = {"Ada": "administrator", "Pia": "practitioner", "Tom": "technician"}


def word(client: RawClient, method: str, /, **params: Any) -> str | None:
    """The stable word with which a request is refused; None when it is answered."""
    client.say({"jsonrpc": "2.0", "id": 99, "method": method, "params": params})
    while True:
        answer = client.line()
        assert answer is not None, f"the station hung up at {method}"
        if answer.get("id") == 99:
            return answer["error"]["data"]["code"] if "error" in answer else None


def staff(client: RawClient) -> RawClient:
    """Everybody of :data:`ROLES` is there afterwards, and nobody signed in."""
    for name, role in ROLES.items():
        assert word(client, "operator.add", name=name, role=role, pin=PIN) is None
        if name == "Ada":
            assert word(client, "operator.sign_in", name=name, pin=PIN) is None
    assert word(client, "operator.sign_out") is None
    return client


def sign_in(client: RawClient, name: str, pin: str = PIN) -> str | None:
    return word(client, "operator.sign_in", name=name, pin=pin)


def test_a_scripted_client_gets_the_same_refusals(place: Place) -> None:
    place.station()
    pen = place.pen()
    with RawClient(place.paths.requests) as one, RawClient(place.paths.requests) as script:
        staff(one.hello())
        script.hello()
        assert sign_in(one, "Pia") is None
        assert word(one, "pen.open", address=pen.address, wait_s=20.0) is None
        until(lambda: word(one, "session.open", purpose="treatment", client="TRAIN-1") is None, "the session opens")
        # A second client has nobody signed in, whoever is at the first.
        assert word(script, "session.open", purpose="treatment", client="TRAIN-1") == "no-operator"
        refusals = 1
        for who in WHO:
            assert word(one, "operator.sign_out") is None
            if who is not None:
                assert sign_in(one, who) is None
            for method, params, may, through in IN_TREATMENT:
                wanted = expected(who, may, through)
                assert word(one, method, **params) == wanted, (who, method, params)
                refusals += wanted in ("no-operator", "not-allowed")
        assert word(one, "operator.lock") is None
        for method, params, *_ in IN_TREATMENT:
            assert (word(one, method, **params) == "locked") == (method not in WORKS_LOCKED), method
            refusals += method not in WORKS_LOCKED
        rows = place.rows("select name, text from access_events where code = 'refused'")
        assert len(rows) == refusals
    place.sound()


def test_a_lock_out_outlives_kill_9(place: Place) -> None:
    station = place.station()
    with RawClient(place.paths.requests) as client:
        staff(client.hello())
        for _ in range(5):
            assert sign_in(client, "Pia", "000001") == "wrong-pin"
        station.kill()
    place.station()
    with RawClient(place.paths.requests) as client:
        client.hello()
        assert sign_in(client, "Pia") == "locked-out"
        assert sign_in(client, "Ada") is None
        assert word(client, "operator.change", name="Pia", unlock=True) is None
        assert sign_in(client, "Pia") is None


def test_what_was_answered_is_in_the_record_whenever_kill_9_comes(place: Place) -> None:
    chance = random.Random(4)
    station = place.station()
    with RawClient(place.paths.requests) as client:
        staff(client.hello())
        begun = time.monotonic()
        assert sign_in(client, "Ada") is None
        takes_s = time.monotonic() - begun
    for turn in range(8):
        code, name, pin = ("sign-in", "Pia", PIN) if turn % 2 else ("wrong-pin", "Tom", "000001")
        query = "select id from access_events where code = ? and name = ?"
        before = len(place.rows(query, code, name))
        with RawClient(place.paths.requests) as client:
            client.hello()
            # Every other pair is killed right at its answer, the others somewhere about it.
            killer = threading.Timer(chance.uniform(0.3, 1.1) * takes_s if turn % 4 > 1 else LONG_S, station.kill)
            killer.start()
            request = {"jsonrpc": "2.0", "id": 1, "method": "operator.sign_in", "params": {"name": name, "pin": pin}}
            client.say(request)
            answer = client.line()
            if turn % 4 > 1:
                killer.join()
            else:
                killer.cancel()
                station.kill()
                assert answer is not None
        count = len(place.rows(query, code, name))
        assert before + (answer is not None) <= count <= before + 1
        place.sound()
        station = place.station()


def test_a_stop_does_not_wait_for_pins(place: Place) -> None:
    place.station()
    place.pen()
    stop = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with RawClient(place.paths.requests) as client, stop:
        staff(client.hello())
        stop.connect(str(place.paths.stop))
        for key in range(8):
            request = {"jsonrpc": "2.0", "id": key, "method": "operator.sign_in", "params": {"name": "Pia", "pin": PIN}}
            client.say(request)
        took = []
        for _ in range(20):
            begun = time.perf_counter()
            stop.sendall(b"S")
            assert stop.recv(1) == STOP_ACK
            took.append(time.perf_counter() - begun)
            time.sleep(0.04)
    assert sorted(took)[len(took) // 2] < 0.02
    assert max(took) < 0.3


def test_nothing_of_a_pin_is_left_anywhere(place: Place) -> None:
    secret, other = "kelp 93 otter", "732864019"
    station = place.station()
    with RawClient(place.paths.requests) as client:
        client.hello()
        assert word(client, "operator.add", name="Ada", role="administrator", pin=secret) is None
        assert sign_in(client, "Ada", secret) is None
        assert sign_in(client, secret, "000001") == "wrong-pin"
        assert word(client, "operator.change", name="Ada", pin=other, own_pin=secret) is None
        assert sign_in(client, "Ada", secret) == "wrong-pin"
        for bad in (
            {"name": "Ada", "pin": [other]},
            {"name": "Ada", "pin": other * 100},
            {"name": "Ada", "pin": other, "more": other},
            {"name": {"is": other}, "pin": secret},
            {"pin": secret},
        ):
            client.say({"jsonrpc": "2.0", "id": 1, "method": "operator.sign_in", "params": bad})
            answer = client.line()
            assert answer is not None
            assert answer["error"]["data"]["code"] == "invalid-params"
            assert secret not in str(answer)
            assert other not in str(answer)
        client.say(b'{"jsonrpc": "2.0", "method": "operator.sign_in", "params": {"pin": "' + secret.encode() + b'"\n')
        assert client.line() is not None
    # The crash handler writes the stacks of a process that is aborted.
    os.kill(station.pid, signal.SIGABRT)
    station.wait()
    found = [path for path in place.folder.rglob("*") if path.is_file()]
    assert any(path.suffix == ".db" for path in found)
    for path in found:
        data = path.read_bytes()
        for pin in (secret, other):
            assert pin.encode() not in data, path
            assert pin.encode().hex().encode() not in data, path
