"""What each request needs: the one table of who may ask for what. A request that is not in it is a failing test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from devicectl.access.roles import Permission
from devicectl.control.gates import Purpose
from devicectl.station import params as p
from devicectl.treatment.forms import FORMS

if TYPE_CHECKING:
    from devicectl.station.connection import Connection

Asked = Callable[["Connection", Any], Permission | None]
"""The permission that a request with these parameters needs now; None when it needs none."""


@dataclass(frozen=True, slots=True)
class Need:
    """``locked``: it also works while the connection is locked. None of them counts as somebody being there."""

    permission: Permission | Asked | None = None
    locked: bool = False

    def asked(self, connection: Connection, params: Any) -> Permission | None:
        """The permission for these parameters, or None."""
        if self.permission is None or isinstance(self.permission, Permission):
            return self.permission
        return self.permission(connection, params)


def in_treatment(permission: Permission) -> Need:
    """Needed while a treatment is open on the client's pen; a bench session needs no operator."""

    def asked(c: Connection, _: Any) -> Permission | None:
        treating = c.desk is not None and c.desk.control.purpose is Purpose.TREATMENT
        return permission if treating else None

    return Need(asked)


def _opening(_: Connection, q: p.OpenSession) -> Permission | None:
    return Permission.TREAT if q.purpose == Purpose.TREATMENT.value else None


def _on_hardware(c: Connection, _: Any) -> Permission | None:
    identity = c.desk.control.identity if c.desk is not None else None
    return Permission.ACCEPT_FIRMWARE if identity is not None and not identity.simulated else None


def _filling(_: Connection, q: p.SubmitForm) -> Permission | None:
    form = FORMS.get(q.form)
    # A form that there is not is refused by its own sentence.
    return None if form is None else Permission[form.permission]


def _adding(c: Connection, _: Any) -> Permission | None:
    return None if c.station.operators.roster.empty else Permission.MANAGE_OPERATORS


def _changing(c: Connection, q: p.ChangeOperator) -> Permission | None:
    operator = c.station.operators.roster.named(q.name)
    mine = operator is not None and operator.id == c.presence.sitting.operator
    return None if mine and q.only_own_pin else Permission.MANAGE_OPERATORS


ALWAYS: Final = Need(locked=True)
UNLOCKED: Final = Need()
TREATING: Final = in_treatment(Permission.TREAT)

NEEDS: Final[Mapping[str, Need]] = {
    "station.hello": ALWAYS,
    "view.subscribe": ALWAYS,
    "heartbeat": ALWAYS,
    "activity": ALWAYS,
    "pen.stop": ALWAYS,
    "operator.list": ALWAYS,
    "operator.sign_in": ALWAYS,
    "operator.sign_out": ALWAYS,
    "operator.lock": ALWAYS,
    "operator.add": Need(_adding),
    "operator.change": Need(_changing),
    "pens.scan": UNLOCKED,
    "pens.list": ALWAYS,
    "pen.open": UNLOCKED,
    "pen.close": TREATING,
    "pen.reset": TREATING,
    "pen.indicate": UNLOCKED,
    "capture.start": UNLOCKED,
    "capture.stop": ALWAYS,
    "pen.accept_firmware": Need(_on_hardware),
    "control.take": UNLOCKED,
    "control.release": UNLOCKED,
    "session.open": Need(_opening),
    "session.close": TREATING,
    "gate.override": in_treatment(Permission.OVERRIDE_GATES),
    "zone.select": TREATING,
    "setpoint": TREATING,
    "run.preview": TREATING,
    "run.start": TREATING,
    # What only ends motion waits for nobody.
    "run.pause": ALWAYS,
    "run.end": ALWAYS,
    "alarm.acknowledge": UNLOCKED,
    "alarm.silence": UNLOCKED,
    "note": TREATING,
    "form.submit": Need(_filling),
    "direction.select": TREATING,
    "session.chart": UNLOCKED,
    "session.sign": Need(Permission.SIGN),
    "session.amend": Need(Permission.AMEND),
    "session.texts": Need(Permission.READ_TEXTS),
    "audit.head": ALWAYS,
    "limits.approve": Need(Permission.CHANGE_LIMITS),
    "client.identity": Need(Permission.READ_IDENTITY),
    "client.erase": Need(Permission.ERASE_CLIENTS),
    "calibration.state": ALWAYS,
    **dict.fromkeys(
        (
            "calibration.plan", "calibration.begin", "calibration.resume", "calibration.next", "calibration.park",
            "calibration.reading", "calibration.annul", "calibration.evaluate", "calibration.propose", "calibration.correct",
            "calibration.finish", "calibration.abandon",
        ),
        Need(Permission.CALIBRATE),
    ),
}  # fmt: skip
