"""Parameters of every request, checked at the edge; inside they are trusted."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
)

from devicectl.access.roles import Role

PROTOCOL_VERSION = 1
REQUEST_MAX = 256 * 1024
"""Longest request in bytes."""

Name = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f]*$")]
ZoneCode = Annotated[str, Field(min_length=1, max_length=12)]

Address = Annotated[str, Field(min_length=1, max_length=400, pattern=r"^[^\x00-\x1f]*$")]
Secret = Annotated[SecretStr, Field(min_length=1, max_length=200)]
"""A PIN: never shown, not in an error either."""
RoleName = Literal["practitioner", "technician", "administrator"]


def _code(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,40}", text):
        raise ValueError(
            "a client code has letters, digits, '.', '-' and '_' only, no blank, 40 at most, such as TRAIN-1"
        )
    return text


class Params(BaseModel):
    """Unknown parameters are refused, so that a misspelt limit is not silently ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Hello(Params):
    """First request of a connection. ``database`` is the hash of the database the client means, empty for any;
    ``radio`` the one on which it looks for pens, empty for the computer's own."""

    client: Name
    version: int
    database: str = ""
    radio: str = Field(default="", max_length=400)


class Empty(Params):
    """No parameters."""


class Heartbeat(Params):
    """Both must rise for the client to count as alive."""

    frame: int = Field(ge=0)
    keys: int = Field(ge=0)


class ListPens(Params):
    """``closed``: also those that were closed less than 3 s ago, as they were then."""

    closed: bool = False


class ReachPen(Params):
    """``wait_s``: how long to wait for the first connection; None is long enough for the kind of link."""

    address: Address
    wait_s: float | None = Field(default=None, ge=0, le=30)


class OpenPen(ReachPen):
    """``watch``: the station is to hold the pen, and this client keeps what it has: its own pen, its control."""

    watch: bool = False


class StartCapture(ReachPen):
    """As for ``pen.open``; a pen that the station does not hold is opened for the capture."""


class Scan(Params):
    """``probe``: addresses that may be asked who they are although nothing says that a pen is there.

    ``bluetooth``: whether to listen on the air too; ``radio``: on which, None for the one of ``station.hello``.
    ``ports`` false leaves this machine's ports out, for who has seen them already.
    """

    probe: tuple[Address, ...] = ()
    bluetooth: bool = True
    ports: bool = True
    radio: str | None = Field(default=None, max_length=400)


class ApproveLimits(Params):
    """``digest``: SHA-256 in hex of the limits that whoever approves has seen."""

    digest: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class OpenSession(Params):
    """A ``treatment`` needs a client code; ``bench`` has none (an empty code is none).

    ``plan`` limits needle protrusion in this session, in µm by zone code; in a treatment it is the plan for these zones. With ``course`` the session belongs to the
    client's open course, if there is one. ``resumes``: the interrupted session that goes on (id or ``last``).
    """

    purpose: Literal["bench", "treatment"]
    client: Annotated[Annotated[str, AfterValidator(_code)] | None, BeforeValidator(lambda code: code or None)] = None
    plan: dict[ZoneCode, Annotated[int, Field(gt=0, le=10_000)]] = Field(default_factory=dict)
    course: bool = True
    resumes: Name | None = None


class ListOperators(Params):
    """``retired``: also those who do not work here any more."""

    retired: bool = False


class SignIn(Params):
    """Name and PIN."""

    name: Name
    pin: Secret


class AddOperator(Params):
    """The first operator becomes administrator, whatever ``role`` says."""

    name: Name
    role: RoleName
    pin: Secret


class ChangeOperator(Params):
    """Of operator ``name``, what is not None. ``unlock`` ends a lock-out.

    With ``own_pin``, the PIN until now, everybody may change their own ``pin``.
    """

    name: Name
    new_name: Name | None = None
    role: RoleName | None = None
    active: bool | None = None
    pin: Secret | None = None
    own_pin: Secret | None = None
    unlock: bool = False
    reason: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200, pattern=r"^[^\x00-\x1f]*$")] = ""

    @property
    def changes(self) -> dict[str, Any]:
        """What changes beside the PIN, by the names of an operator's fields."""
        fields = {"name": self.new_name, "role": Role(self.role) if self.role else None, "active": self.active}
        return {name: value for name, value in fields.items() if value is not None}

    @property
    def only_own_pin(self) -> bool:
        """Whether this is what everybody may do for themselves."""
        return self.pin is not None and self.own_pin is not None and not self.unlock and not self.changes


class SubmitForm(Params):
    """A form as it was filled in (`devicectl.treatment.forms`): texts as a person types them, numbers in the unit shown.

    ``client`` is a code, ``session`` an id or ``last``; left out, both are those that are open. ``about`` is the id of the
    row that this one goes on with: an adverse event, a follow-up, a pass, the protocol that is copied.
    """

    form: Name
    values: dict[str, Any]
    client: str | None = Field(default=None, max_length=40, pattern=r"^[A-Za-z0-9._-]+$")
    session: Name | None = None
    about: Name | None = None


class SignSession(Params):
    """``meaning`` performed or reviewed; the PIN again. ``reason``: why it is signed although something is missing."""

    session: Name
    meaning: Literal["performed", "reviewed"] = "performed"
    pin: Secret
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=300)] | None = None


class AmendSession(Params):
    """``values`` of the form ``amendment``: table, row, field, value, reason."""

    session: Name
    values: dict[str, Any]


class ReadTexts(Params):
    """The sealed texts of a session and those it resumes."""

    session: Name


class AskClient(Params):
    """A client by code."""

    client: str = Field(max_length=40, pattern=r"^[A-Za-z0-9._-]+$")


class EraseClient(AskClient):
    """``reason`` of the erasure; the PIN again."""

    reason: Literal["requested", "consent-withdrawn", "retention-over", "entered-in-error"]
    pin: Secret


class SelectDirection(Params):
    """The direction of the strokes over the skin; None for none."""

    direction: Literal["horizontal", "vertical", "diagonal_left", "diagonal_right", "circular", "stamp"] | None


class ShowChart(Params):
    """A treatment by its id, or ``last``."""

    session: Name


class Override(Params):
    """Opens a gate until the session ends; ``reason`` is written into the record and must not name a person."""

    gate: Name
    reason: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=3, max_length=200, pattern=r"^[^\x00-\x1f]*$")
    ]


class SelectZone(Params):
    """A zone code such as VTX or CUS-1."""

    zone: ZoneCode


class SetPoint(Params):
    """µm and mHz; either may be left out. ``lower`` lets a limit lower the request."""

    depth_um: Annotated[float, Field(allow_inf_nan=False)] | None = None
    rate_mhz: Annotated[float, Field(allow_inf_nan=False)] | None = None
    lower: bool = False


class Start(Params):
    """``ticket`` from ``run.preview``; ``run_ms`` bounds the run (180 s at most)."""

    ticket: Name
    run_ms: int = Field(default=180_000, ge=100, le=180_000)


class Stop(Params):
    """``source`` is written into the record; ``address`` None stops every pen."""

    source: Name = "client"
    address: str | None = None


class Indicate(Params):
    """``address``: that pen, opened for it if need be; None: the pen of this client."""

    address: Address | None = None


class Note(Params):
    """A phrase chosen by digits while the motor turns."""

    digits: str = Field(pattern=r"^[0-9]{1,4}$")


_WORDS: Final = {
    "missing": "is missing",
    "extra_forbidden": "is not known here",
    "literal_error": "must be {expected}",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be {ge} or more",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be {le} or less",
    "finite_number": "must be a number such as 1.5",
    "int_from_float": "must be a whole number",
    "string_too_short": "must have {min_length} or more characters",
    "too_short": "must have {min_length} or more characters",
    "too_long": "must have {max_length} characters at most",
    "string_too_long": "must have {max_length} characters at most",
    "string_pattern_mismatch": "has characters that are not possible there",
}
_KINDS: Final = {
    "int": "must be a whole number",
    "float": "must be a number such as 1.5",
    "bool": "must be true or false",
    "string": "must be text",
    "dict": "must be an object with names and values",
    "tuple": "must be a list",
    "list": "must be a list",
    "model": "must be an object with names and values",
}
"""What a field wants, by the beginning of the type of error (``int_type``, ``int_parsing`` and so on)."""


def sentence(method: str, error: ValidationError) -> str:
    """What is wrong with the parameters of a request, in plain words; the first of several."""
    first = error.errors(include_url=False, include_input=False)[0]
    kind, context = first["type"], first.get("ctx", {})
    where = ".".join(str(part) for part in first["loc"] if part != "[key]") or "the parameters"
    if kind == "value_error":
        return f"{method}: {context['error']}."
    words = _WORDS.get(kind) or _KINDS.get(kind.partition("_")[0], "is not possible there")
    return f"{method}: {where} {words.format(**context)}; see docs/station.md."
