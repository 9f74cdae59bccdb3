"""Dialogs: what is asked of a person before a word goes to a run."""

from __future__ import annotations

from typing import ClassVar, Literal, NamedTuple

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from orrery.telling.printable import printable

Verdict = Literal["yes", "approve", "deny", "rerun"]


class Said(NamedTuple):
    """What a person chose, and the reason for the log."""

    verdict: Verdict
    because: str


class Dialog(ModalScreen["Said | None"]):
    """A question, a line for the reason, and what can be chosen. Escape leaves everything as it is.

    Args:
        question: what is asked.
        choices: what the buttons say, by what they mean.
        asks_why: there is a line for the reason.
    """

    CSS = """
    Dialog { align: center middle; }
    Dialog > Vertical { width: 70; max-width: 95%; height: auto; max-height: 90%; border: solid ansi_blue; }
    Dialog > Vertical { padding: 0 1; }
    Dialog #question { height: auto; max-height: 8; overflow-y: auto; margin-bottom: 1; }
    Dialog Input { border: none; height: 1; padding: 0; margin-bottom: 1; }
    Dialog Horizontal { height: 1; }
    Dialog Button { border: none; height: 1; min-width: 0; width: auto; margin-right: 1; padding: 0 1; }
    Dialog Button:focus { text-style: reverse bold; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave it"),
        Binding("left", "app.focus_previous", "Previous", show=False),
        Binding("right", "app.focus_next", "Next", show=False),
    ]

    def __init__(self, question: str, choices: dict[Verdict, str], *, asks_why: bool) -> None:
        super().__init__()
        self._question, self._choices, self._asks_why = question, choices, asks_why

    def compose(self) -> ComposeResult:
        """The question, the line and the buttons."""
        with Vertical():
            yield Static(Text(printable(self._question)), id="question")
            if self._asks_why:
                yield Input(placeholder="a comment for the log (may stay empty)", id="why")
            for verdict, label in self._choices.items():
                yield Button(label, id=verdict)
            yield Button("Leave it as it is", id="leave")

    def on_mount(self) -> None:
        """Nothing is chosen by Enter alone but to leave."""
        self.query_one("#why" if self._asks_why else "#leave").focus()

    def on_input_submitted(self) -> None:
        """From the line to the first button."""
        self.query(Button).first().focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Somebody chose."""
        verdict = next((one for one in self._choices if one == event.button.id), None)
        why = self.query_one("#why", Input).value.strip() if self._asks_why else ""
        self.dismiss(Said(verdict, why) if verdict is not None else None)

    def action_leave(self) -> None:
        """Change nothing."""
        self.dismiss(None)
