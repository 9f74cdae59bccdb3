"""`orrery watch` by its keys, on a screen in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from orrery.dashboard import acting
from orrery.dashboard.spectator import Spectator
from orrery.dashboard.terminal.app import Watch
from orrery.dashboard.terminal.drawing import FINE, PLAIN
from orrery.dashboard.terminal.tail import Tail
from orrery.errors import Failure
from orrery.graph import Graph, Task
from orrery.graph.text import parse
from orrery.journal.memory import MemoryJournal
from orrery.runtime.requests import event_of
from orrery.scheduler import events as ev

from ..logs import Log

SHOP = """
fetch = fetch()
check = check(of=fetch)
ship = ask(question="Ship [bold]it[/]?") [executor person]
last = last() [after ship]
"""


class Screen:
    """The app with the keys of a person and what stands on the screen."""

    def __init__(self, app: Watch, pilot: Pilot[None]) -> None:
        self.app, self.pilot = app, pilot

    @property
    def lines(self) -> list[str]:
        """What the screen shows, line by line."""
        return [strip.text.rstrip() for strip in self.app.screen._compositor.render_strips()]

    async def press(self, *keys: str) -> None:
        """Press keys one after the other."""
        await self.pilot.press(*keys)

    async def until(self, holds: Callable[[], object]) -> None:
        """Return once something holds."""
        for _ in range(600):
            if holds():
                return
            await self.pilot.pause(0.01)  # looks come in their own time
        raise AssertionError("\n".join(self.lines))

    async def until_shown(self, text: str) -> None:
        """Return once a text is on the screen."""
        await self.until(lambda: any(text in line for line in self.lines))


@asynccontextmanager
async def watched(
    journal: MemoryJournal, *, size: tuple[int, int] = (80, 24), plain: bool = False
) -> AsyncIterator[Screen]:
    spectator = Spectator(journal, "r")
    spectator.catch_up()
    app = Watch(spectator, PLAIN if plain else FINE)
    async with app.run_test(size=size, notifications=True) as pilot:
        screen = Screen(app, pilot)
        await screen.until(lambda: app.head is not None and app.tasks.outline.lines)
        yield screen


@pytest.fixture
def shop(journal: MemoryJournal) -> Log:
    """A run in which one task failed, one waits for a person, and one for that."""
    log = Log(journal, "r", parse(SHOP), at=100.0, target="shop.yaml")
    log.did("fetch", 101.0, 103.0, value="goods")
    log.say(ev.TaskStarted(103.0, "check", 1))
    log.say(ev.TaskFailed(104.0, "check", 1, Failure("ValueError", "no such luck", code="task", severity="permanent")))
    return log


def play(story: Callable[[], object]) -> None:
    """Run a coroutine function."""
    asyncio.run(story())  # type: ignore[arg-type]


def test_head_tree_details_and_events(journal: MemoryJournal, shop: Log) -> None:
    async def story() -> None:
        async with watched(journal) as screen:
            await screen.until_shown("fetch succeeded in attempt 1")
            assert screen.lines[0].startswith("r  running")
            assert "1/4  ✗ 1 failed  ? 1 asking  · 1 waiting" in screen.lines[1]
            assert [line.split()[:2] for line in screen.lines[3:7]] == [
                ["✓", "fetch"],
                ["✗", "check"],
                ["?", "ship"],
                ["·", "last"],
            ]
            assert "2.00 s" in screen.lines[3]
            assert "━" in screen.lines[3]
            await screen.press("down")
            await screen.until_shown("ValueError: no such luck  [task]")
            await screen.press("e")
            await screen.until_shown("attempt 1 failed: ValueError: no such luck")
            assert all(len(line) <= 80 for line in screen.lines)

    play(story)


def test_the_newest_events_are_in_view_until_somebody_scrolls_back(journal: MemoryJournal, shop: Log) -> None:
    for number in range(300):
        shop.say(ev.TaskProgressed(105.0 + number, "ship", 1, None, f"note {number}"))

    async def story() -> None:
        async with watched(journal, size=(120, 24)) as screen:
            await screen.until_shown("note 299")
            shop.say(ev.TaskProgressed(500.0, "ship", 1, None, "one more"))
            await screen.until_shown("one more")
            screen.app.query_one(Tail).focus()
            await screen.press("home")
            await screen.until(lambda: not any("one more" in line for line in screen.lines))
            shop.say(ev.TaskProgressed(501.0, "ship", 1, None, "another"), ev.TaskAnswered(502.0, "ship", "approve"))
            await screen.until(lambda: screen.app.tasks.outline.rows["ship"].state == "succeeded")
            assert not any("another" in line for line in screen.lines)
            await screen.press("end")
            await screen.until_shown("approve")

    play(story)


def test_what_happens_is_drawn_and_the_cursor_stays(journal: MemoryJournal, shop: Log) -> None:
    async def story() -> None:
        async with watched(journal) as screen:
            await screen.press("end")
            assert screen.app.tasks.selected == "last"
            shop.say(ev.TaskAnswered(105.0, "ship", "approve"), ev.TaskStarted(106.0, "last", 1))
            await screen.until_shown("▶ last")
            await screen.until_shown("last runs, attempt 1")
            shop.say(ev.TaskProgressed(107.0, "last", 1, 0.42, "packing"))
            await screen.until_shown("42% packing")
            shop.say(ev.TaskSucceeded(109.0, "last", 1))
            await screen.until(lambda: "partial" in screen.lines[0] or "failed" in screen.lines[0])
            assert screen.app.tasks.selected == "last"

    play(story)


def test_f_goes_to_what_failed_and_a_to_what_asks(journal: MemoryJournal, shop: Log) -> None:
    async def story() -> None:
        async with watched(journal) as screen:
            await screen.press("f")
            assert screen.app.tasks.selected == "check"
            await screen.press("a")
            assert screen.app.tasks.selected == "ship"
            await screen.press("enter")
            await screen.until(lambda: screen.lines[3].strip().startswith("ship waits for a person: Ship [bold]it[/]?"))
            await screen.press("escape")
            assert "fetch" in screen.lines[3]

    play(story)


def test_slash_finds_and_escape_shows_all_again(journal: MemoryJournal, shop: Log) -> None:
    async def story() -> None:
        async with watched(journal) as screen:
            await screen.press("slash", *"fail")
            assert [line.task for line in screen.app.tasks.outline.lines] == ["check"]
            await screen.press("enter")
            assert screen.app.tasks.has_focus
            assert screen.app.tasks.selected == "check"
            await screen.press("escape")
            assert len(screen.app.tasks.outline.lines) == 4
            await screen.press("slash", *"q")  # a letter of a word, not the key that quits
            assert screen.app.query_one("#search", Input).value == "q"
            assert screen.app.tasks.outline.lines == []
            assert screen.app.is_running

    play(story)


def test_an_answer_goes_to_the_run_with_its_comment(
    journal: MemoryJournal, shop: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acting, "ANSWER_S", 0.0)  # nobody drives it who would take the answer in

    async def story() -> None:
        async with watched(journal) as screen:
            await screen.press("r")
            await screen.until_shown("Ship [bold]it[/]?")
            await screen.press(*"too", "space", *"dear", "enter", "tab")
            await screen.until_shown("Deny")
            assert screen.app.focused is not None
            assert screen.app.focused.id == "deny"
            await screen.press("enter")
            await screen.until_shown("is told: deny ship")

    play(story)
    (request,) = journal.collect(shop.lease)
    said = event_of(request, at=105.0)
    assert isinstance(said, ev.TaskAnswered)
    assert (said.task, said.verdict, said.because) == ("ship", "deny", "too dear")


@pytest.mark.parametrize(("key", "kind"), [("c", "cancel"), ("p", "pause")])
def test_nothing_is_said_to_a_run_without_a_second_word(journal: MemoryJournal, shop: Log, key: str, kind: str) -> None:
    async def story() -> None:
        async with watched(journal) as screen:
            await screen.press(key, "escape", key)
            if kind == "cancel":
                await screen.press("enter")  # from the comment to the button
            else:
                await screen.press("shift+tab")  # Enter alone leaves it as it is
            await screen.press("enter")
            await screen.until_shown("is asked to")

    play(story)
    assert [request.kind for request in journal.collect(shop.lease)] == [kind]


def test_a_run_that_nobody_drives_takes_a_word_at_once_and_goes_on_by_p(journal: MemoryJournal, shop: Log) -> None:
    journal.release(shop.lease)

    async def story() -> None:
        async with watched(journal) as screen:
            assert "interrupted" in screen.lines[0]
            await screen.press("p", "shift+tab", "enter")
            await screen.until(lambda: screen.app.head is not None and screen.app.head.state == "paused")
            await screen.press("p", "shift+tab", "enter")
            await screen.until(lambda: screen.app.head is not None and screen.app.head.state == "interrupted")
            await screen.press("c", "enter", "enter")
            await screen.until(lambda: screen.app.head is not None and screen.app.head.state == "cancelled")
            await screen.press("c")
            await screen.until_shown("the run has ended")

    play(story)


def test_names_and_words_of_a_run_steer_no_terminal(journal: MemoryJournal) -> None:
    name = "[red]b[/red]@click=quit"
    log = Log(journal, "r", Graph([Task(name, "op", label="a\x1b[2J\u202ec\nd")]), target="x\x1b]0;title\x07")
    log.say(ev.TaskStarted(1.0, name, 1), ev.TaskProgressed(2.0, name, 1, 0.5, "note\x1b[31m\r\n[link=x]y"))
    log.say(ev.TaskFailed(3.0, name, 1, Failure("E\x1b[0m", "m\x9b1m[/]", code="task", detail="t\x1b[1m[/b]\n" * 100)))

    async def story() -> None:
        async with watched(journal) as screen:
            await screen.press("enter")
            await screen.until_shown("[red]b[/red]")
            shown = "".join(screen.lines)
            await screen.press("escape", "e")
            await screen.until_shown("[link=x]y")
            shown += "".join(screen.lines)
            assert not any(mark in shown for mark in "\x1b\x07\x9b\u202e\r\n")

    play(story)


@pytest.mark.parametrize("size", [(30, 6), (80, 24), (120, 40), (220, 60)])
def test_any_size_and_plain_signs_will_do(journal: MemoryJournal, shop: Log, size: tuple[int, int]) -> None:
    async def story() -> None:
        async with watched(journal, size=size, plain=True) as screen:
            await screen.until(lambda: "fetch" in str(screen.app.query_one("#task", Static).render()))
            await screen.press("end", "enter", "escape", "e", "tab", "escape")
            lines = screen.lines
            assert lines[0].startswith("r")
            assert len(lines) == size[1]
            assert all(len(line) <= size[0] for line in lines)
            assert not any(mark in "".join(lines) for mark in "✓✗▶━…▸▾")

    play(story)


def test_ten_thousand_tasks_are_drawn_a_screen_at_a_time(journal: MemoryJournal) -> None:
    graph = Graph([Task(f"t{number}", "op") for number in range(10_000)])
    log = Log(journal, "r", graph)

    async def story() -> None:
        async with watched(journal) as screen:
            drawn: list[int] = []
            tasks = screen.app.tasks
            render = tasks.render_line
            tasks.render_line = lambda y: (drawn.append(y), render(y))[1]  # type: ignore[method-assign,func-returns-value]
            log.say(*(ev.TaskStarted(1.0, f"t{number}", 1) for number in range(2, 400)))
            await screen.until_shown("▶ t2")
            assert len(set(drawn)) <= tasks.size.height
            drawn.clear()
            log.say(ev.TaskSucceeded(2.0, "t3", 1), ev.TaskSucceeded(2.0, "t399", 1))
            await screen.until_shown("✓ t3")
            await screen.press("end")
            assert tasks.selected == "t9999"
            await screen.until_shown("t9999")

    play(story)
