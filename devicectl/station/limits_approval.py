"""Whether somebody who may change limits has approved those that the station runs with: a file can be edited by anyone."""

from __future__ import annotations

import hashlib
from typing import Final

import sqlalchemy as sa

from devicectl.control.gates import Gate
from devicectl.records import tables as t

from .limits_file import LimitsFile

CODE: Final = "limits-approved"
"""Of the access event that keeps an approval; its text begins with the digest."""
_SHOWN: Final = 12


def digest(limits: LimitsFile) -> str:
    """SHA-256 in hex of what a file says, whatever its order, comments and number formats."""
    return hashlib.sha256(limits.model_dump_json().encode()).hexdigest()


def approved(connection: sa.Connection) -> tuple[str, str] | None:
    """Digest and name of the newest approval in the record; None when there is none."""
    events, audit = t.access_events, t.audit
    numbered = sa.and_(audit.c.table_name == events.name, audit.c.row_id == events.c.id)
    query = (
        sa.select(events.c.text, events.c.name)
        .join(audit, numbered)
        .where(events.c.code == CODE)
        .order_by(audit.c.seq.desc())
        .limit(1)
    )
    found = connection.execute(query).first()
    return None if found is None else (found.text.split(" ", 1)[0], found.name)


class LimitsApproval:
    """The limits in force and the newest approval. Limits that nobody wrote down, the defaults, need none."""

    def __init__(self, limits: LimitsFile | None = None, newest: tuple[str, str] | None = None) -> None:
        self.limits = limits or LimitsFile()
        self.digest = digest(self.limits)
        self._newest = newest

    @property
    def text(self) -> str:
        """What the event of an approval says."""
        changed = self.limits.model_dump(exclude_defaults=True)
        words = ", ".join(f"{name} {value}" for name, value in changed.items())
        return f"{self.digest} {words or 'the defaults'}"[:400]

    def approve(self, name: str) -> None:
        """``name`` has approved what is in force, and that is stored."""
        self._newest = (self.digest, name)

    def gates(self) -> tuple[Gate, ...]:
        """The gate of a treatment, which nothing opens but an approval; none where the defaults never were anything else."""
        if self._newest is None and self.digest == digest(LimitsFile()):
            return ()
        return (self._gate(),)

    def _gate(self) -> Gate:
        if self._newest is None or self._newest[0] != self.digest:
            before = "" if self._newest is None else f" since {self._newest[1]} approved them"
            return Gate(
                "limits",
                False,
                f"The limits were changed{before}; a technician approves them: devicectl limits --approve.",
            )
        return Gate("limits", True, f"limits {self.digest[:_SHOWN]}, approved by {self._newest[1]}")
