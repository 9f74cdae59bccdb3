"""A batch whose model is served by several servers: prompts that begin alike go where their beginning was read."""

from __future__ import annotations

import asyncio
import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest

from orrery.graph import INPUTS, Effects, Graph, Ref, Task
from orrery.graph.patch import Add
from orrery.graph.template import Template
from orrery.journal import open_journal
from orrery.models.simulated import Asked, SimulatedServer, Timing
from orrery.runtime import Result, Run, Session
from orrery.runtime.batch.plan import batch_of, batch_options
from orrery.scheduler.events import GraphPatched, RunOptions
from orrery.workflow.workflow import InputSpec, Workflow

MODEL, REPLICA = "one:m", "two:m"
DOCUMENTS = [f"Document {n}. " + f"word{n} " * 1500 for n in range(5)]
ROWS = [{"document": DOCUMENTS[n % 5], "question": f"question {n}"} for n in range(40)]
Servers = tuple[SimulatedServer, SimulatedServer]
Serve = Callable[..., Servers]


def said(asked: Asked) -> str:
    """The last word of the question, whoever is asked."""
    return asked.text.split()[-1]


def settings(urls: Sequence[str], *, replicas: bool) -> str:
    lines = [f'default = "{MODEL}"']
    for name, url in zip(("one", "two"), urls, strict=True):
        lines += [f"[providers.{name}]", 'kind = "openai-chat"', f'base_url = "{url}"', 'key = "none"']
        lines += [f'[models."{name}:m"]', "tokens_per_s = 200", "prefill_per_s = 8000"]
        lines += [f'replica_of = "{MODEL}"'] if replicas and name == "two" else []
    return "\n".join(lines)


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Serve]:
    """Begins two servers, and leads to them."""
    number = count()
    with ExitStack() as stack:

        def begin(*, replicas: bool = True, first_s: float = 0.002) -> Servers:
            timing = Timing(first_s=first_s, tokens_per_s=20_000, slots=8)
            one, two = (stack.enter_context(SimulatedServer(said, timing=timing)) for _ in range(2))
            file = tmp_path / f"models-{next(number)}.toml"
            urls = [server.base_url("openai-chat") for server in (one, two)]
            file.write_text(settings(urls, replicas=replicas))
            monkeypatch.setenv("ORRERY_MODELS", str(file))
            monkeypatch.delenv("ORRERY_MODEL", raising=False)
            return one, two

        yield begin


def asking(**more: object) -> Workflow:
    prompt = Template((Ref(INPUTS, ("document",)), "\n", Ref(INPUTS, ("question",))))
    effects = Effects("idempotent", ("model:",))
    task = Task("answer", "model.ask", {"prompt": prompt, "max_tokens": 20} | more, effects=effects)
    inputs = {name: InputSpec(name, "string") for name in ("document", "question", *more)}
    return Workflow("ask", Graph([task], outputs={"answer": Ref("answer")}), inputs)


def begun(session: Session, folder: Path, rows: Sequence[Mapping[str, str]], workflow: Workflow) -> Run:
    folder.mkdir()
    with (folder / "t.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    batch = batch_of(workflow, Path("t.csv"), folder=folder, at_once=16)  # ten windows
    return session.start(batch, run="B", folder=folder, options=batch_options(RunOptions()))


def run_over(folder: Path, rows: Sequence[Mapping[str, str]], workflow: Workflow) -> list[str]:
    """The answers, row by row."""

    async def all_of_it() -> Result:
        async with Session("memory:") as session:
            return await begun(session, folder, rows, workflow).wait()

    assert asyncio.run(all_of_it()).state == "succeeded"
    return answers(folder)


def answers(folder: Path) -> list[str]:
    with (folder / "t.results.csv").open(newline="") as file:
        return [row["answer"] for row in csv.DictReader(file)]


def cached(servers: Servers) -> int:
    return sum(server.counts.cached_tokens for server in servers)


def calls(servers: Servers) -> list[int]:
    return [server.counts.calls for server in servers]


def test_prompts_that_begin_alike_go_to_one_replica_and_the_answers_are_the_same(tmp_path: Path, serve: Serve) -> None:
    turns = serve(replicas=False)
    rows = [row | {"model": (MODEL, REPLICA)[n % 2]} for n, row in enumerate(ROWS)]
    by_turns = run_over(tmp_path / "turns", rows, asking(model=Ref(INPUTS, ("model",))))
    assert calls(turns) == [20, 20]

    planned = serve()
    assert run_over(tmp_path / "planned", ROWS, asking()) == by_turns == [str(n) for n in range(40)]
    assert sum(calls(planned)) == 40
    assert min(calls(planned)) >= 12, calls(planned)
    assert cached(planned) > cached(turns), "where they take turns, each document is read by both"
    again = sum(len(row["document"]) for row in ROWS[len(DOCUMENTS) :]) // 4
    assert cached(planned) >= 0.95 * again, "in ten windows each is read once"


def test_without_replicas_all_is_as_it_was(tmp_path: Path, serve: Serve) -> None:
    servers = serve(replicas=False)
    assert run_over(tmp_path / "alone", ROWS[:8], asking()) == [str(n) for n in range(8)]
    assert calls(servers) == [8, 0]


def test_equal_calls_are_one_whichever_replica_answers(tmp_path: Path, serve: Serve) -> None:
    servers = serve()
    again = [*ROWS[:10], *ROWS[:10]]
    assert run_over(tmp_path / "once", again, asking()) == [str(n % 10) for n in range(20)]
    assert run_over(tmp_path / "once" / "more", [{**row} for row in reversed(again)], asking())[0] == "9"
    assert sum(calls(servers)) == 10, "the second batch has its answers from the cache, in any order"


def test_a_window_that_is_resumed_keeps_its_replicas(tmp_path: Path, serve: Serve) -> None:
    store, rows = f"sqlite:///{tmp_path}/runs.db", ROWS[:24]
    servers = serve(first_s=0.3)

    async def until_it_is_under_way() -> None:
        async with Session(store) as session:
            begun(session, tmp_path / "rows", rows, asking())
            async with asyncio.timeout(10):
                while sum(calls(servers)) < 12:  # noqa: ASYNC110 - there is no event for it
                    await asyncio.sleep(0.005)

    asyncio.run(until_it_is_under_way())
    before = chosen(store)
    assert set(before.values()) == {None, REPLICA}
    file = tmp_path / "models-0.toml"
    file.write_text(file.read_text().replace(f'replica_of = "{MODEL}"', ""))  # from now on there is no choice

    async def to_the_end() -> Result:
        async with Session(store) as session:
            return await session.resume("B").wait()

    assert asyncio.run(to_the_end()).state == "succeeded"
    assert answers(tmp_path / "rows") == [str(n) for n in range(24)]
    assert chosen(store) == before | {n: None for n in range(24) if n not in before}
    for server, model in zip(servers, (None, REPLICA), strict=True):
        asked = {int(said(one)) for one in server.requests}
        assert asked == {n for n, one in chosen(store).items() if one == model}


def chosen(store: str) -> dict[int, str | None]:
    """The model of the question of each row in the logs of the windows; None where the default is left."""
    journal = open_journal(store)
    try:
        logs = [journal.read(one.run) for one in journal.runs() if "/" in one.run]
        patches = [event.patch for log in logs for _, event in log if isinstance(event, GraphPatched)]
    finally:
        journal.close()
    tasks = [edit.task for patch in patches for edit in patch.edits if isinstance(edit, Add)]
    return {int(task.id[1:].partition("/")[0]) - 1: task.args.get("model") for task in tasks}
