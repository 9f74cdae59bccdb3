"""Watch: one run on a terminal, as it goes on, and a person's word to it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import ClassVar, Literal

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, VerticalScroll
from textual.widgets import Footer, Input, Static

from orrery.dashboard import acting
from orrery.dashboard.begun import Answer, Done
from orrery.dashboard.rows import RunHead, TaskPanel
from orrery.dashboard.spectator import Spectator
from orrery.dashboard.terminal.dialogs import Dialog, Said, Verdict
from orrery.dashboard.terminal.drawing import PLAIN, Pen, Scale, Signs, is_going_on, one_line
from orrery.dashboard.terminal.panel import told_panel
from orrery.dashboard.terminal.reading import MOST_TOLD, Look, Reader
from orrery.dashboard.terminal.tail import Tail
from orrery.dashboard.terminal.tree import TaskTree
from orrery.errors import OrreryError
from orrery.journal import Journal

LOOK_EVERY_S = 0.1
"""Between two looks at the log there is at least so much time."""
TICK_EVERY_S = 1.0
"""So often what runs is drawn anew where nothing else happens."""


class Watch(App[None]):
    """The run on a screen.

    Args:
        spectator: of the run.
        signs: that the terminal can write.
    """

    ENABLE_COMMAND_PALETTE = False
    TITLE = "orrery watch"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]  # noqa: RUF012 - as the class above declares it
    CSS = """
    * { scrollbar-size-vertical: 1; }
    Screen { layout: vertical; }
    #head { height: 2; }
    #axis { height: 1; text-align: right; color: ansi_default; text-style: dim; }
    #search { display: none; border: none; height: 1; padding: 0; }
    #search.-asked { display: block; }
    #body { height: 1fr; }
    #over { height: 3fr; }
    #tree { height: 1fr; }
    #beside { height: 2fr; border-top: solid ansi_blue; }
    #beside:focus-within { border-top: heavy ansi_cyan; }
    .-wide #body { layout: horizontal; }
    .-wide #over { width: 3fr; height: 1fr; }
    .-wide #beside { width: 2fr; height: 1fr; border-top: none; border-left: solid ansi_blue; }
    .-wide #beside:focus-within { border-top: none; border-left: heavy ansi_cyan; }
    .-wide #details, .-wide #events { height: 1fr; }
    .-wide #events { border-top: solid ansi_blue; height: 12; }
    .-narrow #events { display: none; }
    .-narrow.-telling #events { display: block; }
    .-narrow.-telling #details { display: none; }
    .-large #over { display: none; }
    .-plain #beside, .-plain #beside:focus-within { border-top: ascii ansi_blue; }
    .-plain .-wide #beside, .-plain .-wide #beside:focus-within { border-top: none; border-left: ascii ansi_blue; }
    .-plain .-wide #events { border-top: ascii ansi_blue; }
    .-plain Dialog > Vertical { border: ascii ansi_blue; }
    #details, #events { padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "Quit"),
        Binding("ctrl+c", "quit", "Quit", show=False, priority=True),
        Binding("slash", "search", "Find", key_display="/"),
        Binding("f", "next_failed", "Failed"),
        Binding("a", "next_asking", "Asks"),
        Binding("r", "answer", "Answer"),
        Binding("c", "cancel", "Cancel"),
        Binding("p", "pause", "Pause"),
        Binding("e", "events", "Events"),
        Binding("enter", "enlarge", "Details", show=False),
        Binding("escape", "step_back", "Back", show=False),
    ]

    def __init__(self, spectator: Spectator, signs: Signs) -> None:
        super().__init__()
        self.theme = "ansi-dark"
        self.head: RunHead | None = None
        self._spectator, self._signs = spectator, signs
        self._pen = Pen(signs)
        self._reader = Reader(spectator)
        self._trouble = ""
        self.tasks = TaskTree(self._pen)
        self._search = Input(placeholder="part of a name, an operation, a state or a device", id="search")
        self._above, self._axis = Static(id="head"), Static(id="axis")
        self._about = Static(id="task")
        self._details, self._events = VerticalScroll(self._about, id="details"), Tail(MOST_TOLD)

    def compose(self) -> ComposeResult:
        """The head, the tree, and beside it the task under the cursor and the events."""
        yield self._above
        yield self._search
        with Container(id="body"):
            yield Container(self._axis, self.tasks, id="over")
            yield Container(self._details, self._events, id="beside")
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        """Begin to look."""
        self.set_class(self._signs is PLAIN, "-plain")
        self.tasks.focus()
        self.run_worker(self._follow(), exit_on_error=True)

    # -- looking --------------------------------------------------------------------------------------

    async def _follow(self) -> None:
        """Look at the log again and again, at most ten times a second; draw what is new."""
        ticked = 0.0
        while True:
            began = time.monotonic()
            try:
                look = await asyncio.to_thread(self._reader.look, self.tasks.selected)
                self._take(look)
                self._trouble = ""
            except OrreryError as error:
                self._say_trouble(error)
            if self.head is not None and is_going_on(self.head) and began - ticked >= TICK_EVERY_S:
                ticked = began
                self.tasks.tick(Scale.of(self.head, time.time()))
                self._draw_head()
            await asyncio.sleep(max(0.0, began + LOOK_EVERY_S - time.monotonic()))

    def _take(self, look: Look) -> None:
        if look.change is not None:
            self.head = look.change.head
            self.tasks.take(look.change, Scale.of(self.head, time.time()))
            self._draw_head()
        if look.told and self.head is not None:
            self._events.take(look.told, self.head.started_at)
        if look.panel is not None:
            self._draw_panel(look.panel)

    def _say_trouble(self, error: OrreryError) -> None:
        """A store that cannot be read now may be read later; it is said once."""
        if str(error) != self._trouble:
            self._trouble = str(error)
            self._tell(one_line(f"{error} [{error.code}]"), severity="error")

    def _draw_head(self) -> None:
        if self.head is not None:
            now, width = time.time(), self.size.width
            self._above.update(Text("\n").join(self._pen.head(self.head, now, width)))
            axis = self._pen.axis(Scale.of(self.head, now), self.tasks.size.width)
            self._axis.update(Text(axis))

    def _draw_panel(self, panel: TaskPanel) -> None:
        if panel.row.id == self.tasks.selected and self.head is not None:
            self._about.update(told_panel(panel, self.head.started_at))

    def on_task_tree_moved(self) -> None:
        """Another task is under the cursor: its details from their beginning."""
        self._details.scroll_home(animate=False)

    def on_resize(self) -> None:
        """Fit another size."""
        self._draw_head()

    # -- finding --------------------------------------------------------------------------------------

    def action_search(self) -> None:
        """Ask for words."""
        self._search.add_class("-asked")
        self._search.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Show what has the words so far."""
        if event.input.id == "search":
            self.tasks.look_for(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Back to the tree; the words stay in force until Escape."""
        if event.input.id == "search":
            self.tasks.focus()

    def action_step_back(self) -> None:
        """Undo the last change of what is in view: the search, the large details."""
        if self.screen.has_class("-large"):
            self.screen.remove_class("-large")
        elif self._search.has_class("-asked"):
            self._search.value = ""
            self._search.remove_class("-asked")
        self.tasks.focus()

    def action_next_failed(self) -> None:
        """To the task that failed first, then to the next one."""
        self._go_round(self.head.failed if self.head is not None else (), "nothing has failed")

    def action_next_asking(self) -> None:
        """To the next task that waits for a person."""
        self._go_round(tuple(self.head.asking) if self.head is not None else (), "nothing waits for you")

    def _go_round(self, tasks: tuple[str, ...], nothing: str) -> None:
        if not tasks:
            self._tell(nothing)
            return
        after = tasks.index(self.tasks.selected) + 1 if self.tasks.selected in tasks else 0
        if not self.tasks.go_to(tasks[after % len(tasks)]):
            self._tell("it is not among what you look for; Escape shows everything")
        self.tasks.focus()

    def action_events(self) -> None:
        """Show the events in place of the details where both do not fit, and let them be scrolled."""
        if self.screen.has_class("-wide"):
            self._events.focus()
            return
        self.screen.toggle_class("-telling")
        self.call_after_refresh(self._events.scroll_end, animate=False)

    def on_task_tree_chosen(self) -> None:
        """Give the details the whole screen."""
        self.screen.add_class("-large")
        self.screen.remove_class("-telling")
        self._details.focus()

    # -- acting ---------------------------------------------------------------------------------------

    def action_answer(self) -> None:
        """Answer the task under the cursor, or the first one that asks."""
        asking = self.head.asking if self.head is not None else {}
        if not asking:
            self._tell("nothing waits for you")
            return
        task = self.tasks.selected if self.tasks.selected in asking else next(iter(asking))
        self.tasks.go_to(task)
        row = self.tasks.outline.rows.get(task)
        choices: dict[Verdict, str] = {"approve": "Approve", "deny": "Deny"}
        if row is not None and row.attempt:
            choices["rerun"] = "Run it again"
        question = f"{one_line(task)} asks:\n{asking[task]}"
        self.push_screen(
            Dialog(question, choices, asks_why=True), lambda said: self._answer(task, said) if said else None
        )

    def _answer(self, task: str, said: Said) -> None:
        if said.verdict != "yes":
            answer = Answer(said.verdict, comment=said.because)
            self._say(lambda journal, run: acting.answer(journal, run, task, answer))

    def action_cancel(self) -> None:
        """Ask whether the run shall end."""
        if self._may_change():
            question = "End this run? What runs is stopped, and what has not started is cancelled."
            self.push_screen(
                Dialog(question, {"yes": "Cancel the run"}, asks_why=True),
                lambda said: self._say(partial(acting.cancel, because=said.because)) if said else None,
            )

    def action_pause(self) -> None:
        """Ask whether the run shall pause, or go on where it is paused."""
        if not self._may_change() or self.head is None:
            return
        is_paused = self.head.state == "paused"
        question = "Go on with this run?" if is_paused else "Pause this run? What runs goes on; nothing new starts."
        self.push_screen(
            Dialog(question, {"yes": "Go on" if is_paused else "Pause"}, asks_why=False),
            lambda said: self._say(acting.carry_on if is_paused else acting.pause) if said else None,
        )

    def _may_change(self) -> bool:
        if self.head is not None and self.head.state in ("running", "paused", "interrupted"):
            return True
        self._tell("the run has ended; there is nothing left to do with it")
        return False

    def _tell(self, text: str, severity: Literal["information", "error"] = "information") -> None:
        """Say something in the corner, in place of what was said before."""
        self.clear_notifications()
        self.notify(text, severity=severity, markup=False)

    def _say(self, word: Callable[[Journal, str], Done]) -> None:
        self.run_worker(self._said(word))

    async def _said(self, word: Callable[[Journal, str], Done]) -> None:
        """Bring a word to the run, and tell what became of it."""
        try:
            done = await asyncio.to_thread(word, self._spectator.journal, self._spectator.run)
        except OrreryError as error:
            self._tell(one_line(f"{error} [{error.code}]"), severity="error")
        else:
            self._tell(one_line(done.text))


__all__ = ["Watch"]
