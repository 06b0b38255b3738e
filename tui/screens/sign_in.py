"""Who is at work: signing in by name and PIN, the locked screen, and the forms of operators that only a screen has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final

from devicectl.treatment.forms import Form, Record
from devicectl.treatment.forms.entries import Choice, Secret, Text
from devicectl.treatment.forms.people import ROLES
from tui import text
from tui.screens.form_draft import Draft
from tui.screens.form_sheet import FormSheet
from tui.theme import BRIGHT, DIM
from tui.widgets.line_board import BLANK, Row

if TYPE_CHECKING:
    from tui.app import DashboardApp

LOCKED: Final = "Locked. STOP, the pen's state and its alarms stay; everything else asks for the PIN."
NOT_CLEARED: Final = (
    "This is not a cleared medical device. It records what was set and done and makes no claim of any effect."
)


def sign_in_form(names: Sequence[str]) -> Form[Any]:
    """Name by list, and the PIN."""

    class SignIn(Record):
        name: Annotated[str, Choice(label="Name", of={name: name for name in names})]
        pin: Annotated[str, Secret(label="PIN", most=64)]

    return Form("sign_in", "Sign in", SignIn, subject="operator", permission="TREAT")


class NewOperator(Record):
    """Somebody who works here, as the station takes it."""

    name: Annotated[str, Text(label="Name", most=80, example="Dr A. Moreau", help="As it is printed on a signature.")]
    role: Annotated[str, Choice(label="Role", of=ROLES)]
    pin: Annotated[str, Secret(label="PIN", most=64, help="6 to 12 digits, or a longer text.")]
    again: Annotated[str, Secret(label="PIN again", most=64)]

    def problems(self, now: Any) -> dict[str, str]:
        """The same PIN twice."""
        del now
        return {} if self.pin == self.again else {"again": "The two PINs differ; type them again."}


class FirstOperator(NewOperator):
    """The very first, who is the administrator whatever else: there is no role to choose."""

    role: Annotated[str, Choice(label="Role", of={"administrator": ROLES["administrator"]})]


FIRST_OPERATOR: Final = Form(
    "first_operator", "Operator", FirstOperator, subject="operator", permission="MANAGE_OPERATORS", multiple=True
)

NEW_OPERATOR: Final = Form(
    "new_operator", "Operator", NewOperator, subject="operator", permission="MANAGE_OPERATORS", multiple=True
)


class SignInSheet(FormSheet):
    """Answers the station's answer to ``operator.sign_in``. With ``locked`` it cannot be left but by signing out."""

    SAVE: ClassVar = "signs in"

    def __init__(self, names: Sequence[str], *, name: str = "", locked: bool = False, app: DashboardApp) -> None:
        first = name or (names[0] if len(names) == 1 else "")

        async def submit(given: dict[str, object]) -> Any:
            return await app.client.request("operator.sign_in", name=given["name"], pin=given["pin"])

        title = "Locked" if locked else "Sign in"
        super().__init__(title, Draft.of(sign_in_form(names), {"name": first}), submit, self._head)
        self.locked = locked
        self.leaves = "signs out" if locked else "back"

    def _head(self) -> list[Row]:
        if not self.locked:
            return []
        return [*(((line, BRIGHT),) for line in text.wrap(LOCKED, self.inner)), BLANK]

    def action_close(self) -> None:
        """Esc: back, or out when it is locked."""
        if self.locked:
            self.run_worker(self.dashboard.ask("operator.sign_out"), group="requests")
        super().action_close()


class NewOperatorSheet(FormSheet):
    """Adds an operator; the first is the administrator."""

    SAVE: ClassVar = "adds"

    def __init__(self, app: DashboardApp, *, first: bool) -> None:
        async def submit(given: dict[str, object]) -> Any:
            sent = {name: given[name] for name in ("name", "role", "pin")}
            answer = await app.client.request("operator.add", **sent)
            if first:
                await app.client.request("operator.sign_in", name=given["name"], pin=given["pin"])
            return answer

        given = {"role": "administrator"} if first else {}
        title, form = ("The first operator", FIRST_OPERATOR) if first else ("Add an operator", NEW_OPERATOR)
        super().__init__(title, Draft.of(form, given), submit, self._head)
        self.first = first

    def _head(self) -> list[Row]:
        if not self.first:
            return []
        key = self.live.key("operator")
        words = f"Nobody is known here yet. The first operator is the administrator and can add others (key {key})."
        return [*(((line, DIM),) for line in text.wrap(words, self.inner)), BLANK]
