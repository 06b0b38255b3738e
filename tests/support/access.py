"""Who may ask the station for what, as a table that is played over the station in one loop and over its socket."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

WHO: Final = (None, "Tom", "Pia", "Ada")
"""Nobody, a technician, a practitioner, an administrator."""
_BY: Final = {None: "no-operator", "Tom": "not-allowed", "Pia": "not-allowed", "Ada": "not-allowed"}

# While a treatment is open on the pen: who may, and the answer or refusal that shows that it was let through (the
# stable word of an error, or None for an answer). None of it changes anything, so that everybody meets the same.
TREAT: Final = ("Pia", "Ada")
ADMIN: Final = ("Ada",)
BENCH: Final = ("Tom", "Ada")
IN_HAND: Final[Mapping[str, Mapping[str, Any]]] = {
    "next": {},
    "park": {"ticket": "nonsense"},
    "reading": {"step": 0, "text": "1.0"},
    "annul": {"step": 0, "reason": "gauge slipped"},
    "evaluate": {},
    "propose": {},
    "correct": {},
    "finish": {"pin": "x"},
    "abandon": {"reason": "gauge slipped"},
}
"""Requests about the calibration in hand, of which there is none."""
ALL: Final = WHO
IN_TREATMENT: Final[tuple[tuple[str, Mapping[str, Any], tuple[str | None, ...], str | None], ...]] = (
    ("station.hello", {"client": "again", "version": 1}, ALL, None),
    ("view.subscribe", {}, ALL, None),
    ("pens.list", {}, ALL, None),
    ("pens.scan", {"ports": False, "bluetooth": False}, ALL, None),
    ("operator.list", {}, ALL, None),
    ("operator.add", {"name": "Zoe", "role": "technician", "pin": "123456"}, ADMIN, "bad-pin"),
    ("operator.change", {"name": "Zoe", "active": False}, ADMIN, "no-such-operator"),
    ("operator.change", {"name": "Pia", "unlock": True}, ADMIN, None),
    ("session.open", {"purpose": "treatment", "client": "TRAIN-1"}, TREAT, "session-open"),
    ("session.open", {"purpose": "bench"}, ALL, "session-open"),
    ("gate.override", {"gate": "nonsense", "reason": "because"}, TREAT, "override-refused"),
    ("zone.select", {"zone": "nowhere"}, TREAT, "unknown-zone"),
    ("setpoint", {}, TREAT, None),
    ("run.preview", {}, TREAT, "cannot-start"),
    ("run.start", {"ticket": "nonsense"}, TREAT, None),
    ("run.pause", {}, ALL, None),
    ("run.end", {}, ALL, None),
    ("pen.reset", {}, TREAT, None),
    ("pen.accept_firmware", {}, ALL, None),
    ("alarm.acknowledge", {}, ALL, None),
    ("alarm.silence", {}, ALL, None),
    ("note", {"digits": "7"}, TREAT, None),
    ("form.submit", {"form": "zone_result", "values": {}}, TREAT, "invalid-form"),
    ("form.submit", {"form": "identity", "client": "TRAIN-1", "values": {}}, TREAT, "invalid-form"),
    ("form.submit", {"form": "protocol", "values": {}}, TREAT, "invalid-form"),
    ("form.submit", {"form": "pen_check", "values": {}}, ("Tom", *TREAT), "invalid-form"),
    ("form.submit", {"form": "nonsense", "values": {}}, ALL, "unknown-form"),
    ("direction.select", {"direction": None}, TREAT, None),
    ("session.chart", {"session": "last"}, ALL, None),
    ("session.sign", {"session": "last", "pin": "x"}, TREAT, "incomplete"),
    ("session.amend", {"session": "last", "values": {}}, TREAT, "invalid-form"),
    ("session.texts", {"session": "last"}, TREAT, None),
    ("audit.head", {}, ALL, None),
    ("limits.approve", {"digest": "0" * 64}, BENCH, "other-limits"),
    ("client.identity", {"client": "NOBODY"}, TREAT, "no-such-client"),
    ("client.erase", {"client": "NOBODY", "reason": "requested", "pin": "x"}, ADMIN, "no-such-client"),
    ("calibration.plan", {}, BENCH, "bad-plan"),
    ("calibration.begin", {"plan": {}}, BENCH, "bad-plan"),
    ("calibration.resume", {}, BENCH, "no-calibration"),
    ("calibration.state", {}, ALL, None),
    *((f"calibration.{name}", params, BENCH, "no-calibration") for name, params in IN_HAND.items()),
    ("control.take", {}, ALL, None),
    ("pen.stop", {"source": "test"}, ALL, None),
)
ONCE: Final = {
    "session.close",
    "pen.close",
    "control.release",
    "pen.open",
    "pen.indicate",
    "capture.start",
    "capture.stop",
    "operator.sign_in",
    "operator.sign_out",
    "operator.lock",
}
"""Requests that change what the table rests on; they have plays of their own."""
WORKS_LOCKED: Final = {
    "station.hello", "view.subscribe", "pens.list", "operator.list", "pen.stop", "run.pause", "run.end",
    "audit.head", "calibration.state",
}  # fmt: skip


def expected(who: str | None, may: tuple[str | None, ...], through: str | None) -> str | None:
    """The word of the answer for this one."""
    return through if who in may else _BY[who]
