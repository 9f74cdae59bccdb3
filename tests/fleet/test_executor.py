"""The fleet's executor: the same workflow with and without a hub; nothing lost, nothing done twice."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from orrery.errors import Failure, HubRefusedError, TransportUrlError
from orrery.fleet.hubs import HUB_FILE, HubAddress, NearbyHub, find_hub, write_nearby_hub
from orrery.graph import ITEM, Edge, Effects, Graph, Link, Patch, Place, Ref, Task
from orrery.graph.task import Each, EffectKind
from orrery.runtime import Result, Session
from orrery.runtime.executors.fleet import FleetExecutor
from orrery.runtime.executors.protocol import Executor
from orrery.scheduler.events import AttemptLost, Event, TaskFailed, TaskProgressed, TaskSucceeded
from orrery.testing.executors import Bench, ExecutorConformance, one_more_task, who
from tests.fleet.fleets import DEEDS, WITHIN_S, Fleet, fleet, until


class TestWithoutAHub(ExecutorConformance):
    def executor(self) -> Executor:
        return FleetExecutor()


class TestWithAHub(ExecutorConformance):
    fleet: Fleet

    def executor(self) -> Executor:
        return FleetExecutor(self.fleet.address)

    @asynccontextmanager
    async def bench(self, folder: Path) -> AsyncIterator[Bench]:
        async with fleet(folder / "fleet", {"pi": 8}) as self.fleet, super().bench(folder) as bench:
            yield bench

    def test_the_context_says_which_attempt_this_is(self, tmp_path: Path) -> None:
        async def story(bench: Bench) -> None:
            bench.start(who, attempt=3)
            value = bench.host.value(await bench.host.final("task", 3))
            assert value[:3] == ["run", "task", 3]
            assert value[3] == "run@0.000/task"  # runs of one name are kept apart on devices
            assert Path(value[4]).is_relative_to(tmp_path / "fleet" / "pi")

        self.run(tmp_path, story)

    def test_a_patch_that_is_returned_is_passed_on(self, tmp_path: Path) -> None:
        """From a device only what stands below its task is taken: `test_security_growth`."""

        async def story(bench: Bench) -> None:
            event = await bench.outcome(one_more_task)
            assert isinstance(event, TaskFailed)
            assert event.failure.code == "not-allowed"

        self.run(tmp_path, story)


# -- whole runs ---------------------------------------------------------------------------------------------------


def task(
    id: str, deed: str, *, on: str = "", effects: EffectKind = "keyed", place: Place | None = None, **args: Any
) -> Task:
    where = place or Place(on=(on,) if on else ())
    return Task(id, f"{DEEDS}:{deed}", args, executor="fleet", effects=Effects(effects), place=where)


class Run:
    """A session on a store of its own, with the events of its runs."""

    def __init__(self, folder: Path, hub: HubAddress | None, *, patience_s: float = 5) -> None:
        self.executor = FleetExecutor(hub, patience_s=patience_s, grace_s=2)
        self.events: list[Event] = []
        self.session = Session(
            f"sqlite:///{folder}/runs.db", executors={"fleet": self.executor}, observers=(self._take,)
        )

    def _take(self, _run: str, events: Any) -> None:
        self.events += events

    async def __aenter__(self) -> Run:
        await self.session.__aenter__()
        return self

    async def __aexit__(self, *why: Any) -> None:
        await self.session.__aexit__(*why)

    async def result(self, graph: Graph) -> Result:
        return await self.session.start(graph, run="r").wait()

    def where(self) -> dict[str, str]:
        return {event.task: event.where for event in self.events if isinstance(event, TaskSucceeded)}

    def failure(self, task: str) -> Failure:
        return next(event.failure for event in self.events if isinstance(event, TaskFailed) and event.task == task)

    async def waits(self, *tasks: str) -> None:
        """Return when each of these has said that it waits."""

        def all_said() -> bool:
            said = {event.task for event in self.events if isinstance(event, TaskProgressed) and event.fraction == 0.5}
            return said >= set(tasks)

        await until(all_said)


def run(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(story, WITHIN_S))


def many_kinds(folder: Path) -> Graph:
    """A graph with large values, a fan-out, a blob of a task's own, and a failure that is handled."""
    return Graph(
        [
            task("large", "large", size=400_000),
            task("other", "large", size=300_000, seed=7),
            task("size", "size", value=Ref("large")),
            task("sizes", "sizes", values=[Ref("large"), Ref("other"), b"abc"]),
            msgspec.structs.replace(task("each", "size", value=Ref(ITEM)), each=Each([b"a", b"bb", b"c" * 300_000])),
            task("file", "write", text="ab", times=200_000),
            task("letters", "letters", text=Ref("file")),
            task("trace", "append", path=str(folder / "trace"), line="here"),
        ],
        outputs={
            "sizes": Ref("sizes"),
            "size": Ref("size"),
            "letters": Ref("letters"),
            "trace": Ref("trace"),
            "each": Ref("each"),
        },
    )


def test_the_same_graph_gives_the_same_with_and_without_a_hub(tmp_path: Path) -> None:
    expected = {
        "sizes": [400_000, 300_000, 3],
        "size": 400_000,
        "letters": 400_000,
        "trace": "here",
        "each": [1, 2, 300_000],
    }

    async def story() -> None:
        for name in ("here", "there"):
            (tmp_path / name).mkdir()
        async with Run(tmp_path / "here", None) as here:
            result = await here.result(many_kinds(tmp_path / "here"))
            assert result.outputs == expected
        async with fleet(tmp_path, {"pi": 1, "mac": 1}) as there, Run(tmp_path / "there", there.address) as one:
            result = await one.result(many_kinds(tmp_path / "there"))
            assert result.outputs == expected
            assert set(one.where().values()) == {"pi", "mac"}

    run(story())


def test_a_task_runs_where_it_is_told(tmp_path: Path) -> None:
    async def story() -> None:
        async with fleet(tmp_path, {"pi": 1, "mac": 1, "gpu": 1}) as there, Run(tmp_path, there.address) as one:
            await there.devices["gpu"].stop()
            there.devices.pop("gpu")
            await there.add("gpu2", skills=("gpu",))
            graph = Graph(
                [
                    task("first", "where", on="mac"),
                    task("beside", "where", place=Place(beside=Ref("first"))),
                    task("apart", "where", place=Place(apart=(Ref("first"), Ref("skilled")))),
                    task("skilled", "where", place=Place(skills=("gpu",))),
                    task("named", "where", place=Place(on=(Ref("skilled"),))),
                ],
                outputs={name: Ref(name) for name in ("first", "beside", "apart", "skilled", "named")},
            )
            result = await one.result(graph)
            assert result.outputs == {
                "first": "mac",
                "beside": "mac",
                "apart": "pi",
                "skilled": "gpu2",
                "named": "gpu2",
            }
            notes = [event.note for event in one.events if isinstance(event, TaskProgressed) and event.task == "first"]
            assert notes[-1].startswith("on mac: ")

    run(story())


@pytest.mark.parametrize("serves", [False, True], ids=["through the hub", "directly"])
def test_a_large_value_moves_once_to_each_device(tmp_path: Path, serves: bool) -> None:
    async def story() -> None:
        async with fleet(tmp_path, {"pi": 1, "mac": 1}, serves=serves) as there, Run(tmp_path, there.address) as one:
            graph = Graph(
                [
                    task("large", "large", on="pi", size=3_000_000),
                    *(task(f"pi{n}", "sizes", on="pi", values=[Ref("large"), n * b"a"]) for n in range(3)),
                    *(task(f"mac{n}", "size", on="mac", value=Ref("large")) for n in range(4)),
                ],
                outputs={"all": [Ref(f"mac{n}") for n in range(4)]},
            )
            result = await one.result(graph)
            assert result.outputs == {"all": [3_000_000] * 4}
            at_most = 3_000_100
            assert one.executor.client is not None
            assert 3_000_000 <= one.executor.client.fetched_bytes < at_most  # into the run's store
            assert there.devices["pi"].agent.fetched_bytes == 0
            assert 3_000_000 <= there.devices["mac"].agent.fetched_bytes < at_most

    run(story())


def test_a_file_inside_a_large_result_comes_along(tmp_path: Path) -> None:
    async def story() -> None:
        async with fleet(tmp_path, {"pi": 1, "mac": 1}) as there, Run(tmp_path, there.address) as one:
            graph = Graph(
                [
                    task("heavy", "heavy_with_a_file", on="pi", size=300_000),
                    task("letters", "letters", on="mac", text=Ref("heavy", ("file",))),
                ],
                outputs={"letters": Ref("letters")},
            )
            assert (await one.result(graph)).outputs == {"letters": 6}

    run(story())


def test_what_a_device_remembers_is_forgotten_when_the_run_has_it(tmp_path: Path) -> None:
    async def story() -> None:
        async with fleet(tmp_path, {"pi": 1}) as there:
            async with Run(tmp_path, there.address) as one:
                graph = Graph([task(f"t{n}", "append", path=str(tmp_path / "trace"), line=f"{n}") for n in range(5)])
                assert (await one.result(graph)).state == "succeeded"
            await until(lambda: not there.devices["pi"].journal.records())

    run(story())


def test_when_a_hub_is_restarted_in_the_middle_nothing_is_done_again(tmp_path: Path) -> None:
    async def story() -> None:
        trace, gate = tmp_path / "trace", tmp_path / "gate"
        async with fleet(tmp_path, {"pi": 2}) as there, Run(tmp_path, there.address) as one:
            waiting = [
                task(f"w{n}", "append_and_wait", path=str(trace), line=f"w{n}", until=str(gate)) for n in range(2)
            ]
            graph = Graph([*waiting, task("after", "sizes", values=[Ref("w0"), Ref("w1")])])
            running = one.session.start(graph, run="r")
            await one.waits("w0", "w1")
            await there.stop_hub()
            gate.touch()
            await there.start_hub()
            result = await running.wait()
            assert result.state == "succeeded"
            assert sorted(trace.read_text().split()) == ["w0", "w1"]
            assert not [event for event in one.events if isinstance(event, AttemptLost)]

    run(story())


def test_when_a_device_dies_pure_work_is_done_elsewhere(tmp_path: Path) -> None:
    async def story() -> None:
        gate = tmp_path / "gate"
        async with fleet(tmp_path, {"pi": 1}) as there, Run(tmp_path, there.address) as one:
            path = str(tmp_path / "trace")
            graph = Graph([task("t", "append_and_wait", effects="pure", path=path, line="x", until=str(gate))])
            running = one.session.start(graph, run="r")
            await one.waits("t")
            await there.devices["pi"].stop()
            await there.add("mac")
            gate.touch()
            assert (await running.wait()).state == "succeeded"
            assert one.where() == {"t": "mac"}

    run(story())


def test_a_preferred_device_that_dies_before_or_during_the_run_costs_it_nothing_but_time(tmp_path: Path) -> None:
    async def story() -> None:
        gate, pi = tmp_path / "gate", Place(prefer="pi")
        async with fleet(tmp_path, {"pi": 1, "mac": 1}) as there, Run(tmp_path, there.address) as one:
            path = str(tmp_path / "trace")
            held = task("held", "append_and_wait", effects="pure", place=pi, path=path, line="x", until=str(gate))
            others = [task("first", "where", place=pi), task("waits", "where", effects="pure", place=pi)]
            graph = Graph([*others, held, task("after", "where", place=pi)])
            graph = graph.apply(Patch((Link(Edge("first", "held")), Link(Edge("first", "waits")))))
            graph = graph.apply(Patch((Link(Edge("held", "after")),)))
            running = one.session.start(graph, run="r")
            await one.waits("held")
            await there.devices["pi"].stop()
            gate.touch()
            assert (await running.wait()).state == "succeeded"
            assert one.where()["first"] == "pi"
            assert one.where()["held"] == one.where()["after"] == "mac"

    run(story())


def test_beside_a_task_that_ran_here_is_no_place_on_a_fleet_and_the_same_workflow_runs_without_one(
    tmp_path: Path,
) -> None:
    async def story() -> None:
        here = Task("here", f"{DEEDS}:letters", {"text": "abc"}, executor="thread")
        graph = Graph([here, task("there", "letters", text="ab", place=Place(beside=Ref("here")))])
        async with fleet(tmp_path / "fleet", {"pi": 1}) as there, Run(tmp_path, there.address) as run:
            assert "ran on this machine and on no device" in str((await run.result(graph)).error)
        (tmp_path / "alone").mkdir()
        async with Run(tmp_path / "alone", None) as run:
            assert (await run.result(graph)).state == "succeeded"

    run(story())


def test_a_task_that_kills_its_workers_is_given_up(tmp_path: Path) -> None:
    async def story() -> None:
        async with fleet(tmp_path / "fleet", {"pi": 1}) as there, Run(tmp_path, there.address) as run:
            trace = tmp_path / "trace"
            result = await run.result(Graph([task("deadly", "die", effects="pure", path=str(trace))]))
            assert result.error is not None
            assert result.error.code == "worker-lost"
            assert trace.read_text().split() == ["died"] * 4, "as often as max_crashes says, and not once more"

    run(story())


def test_when_no_device_can_do_it_the_failure_says_what_is_missing(tmp_path: Path) -> None:
    async def story() -> None:
        async with fleet(tmp_path, {"pi": 1}) as there, Run(tmp_path, there.address) as one:
            graph = Graph([task("t", "where", place=Place(skills=("camera",)))])
            result = await one.result(graph)
            assert result.state == "failed"
            failure = one.failure("t")
            assert failure.code == "no-device"
            assert "the skill 'camera'" in failure.message

    run(story())


DRIVER = """
import asyncio, sys
from pathlib import Path
from orrery.fleet.hubs import HubAddress
from tests.fleet.test_executor import Run, two_steps

async def main():
    folder, url, token = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    async with Run(folder, HubAddress(url, token)) as one:
        await one.result(two_steps(folder))

asyncio.run(main())
"""


def two_steps(folder: Path) -> Graph:
    """One task after the other; the second ends only when a file is there."""
    trace, gate = str(folder / "trace"), str(folder / "gate")
    return Graph(
        [
            task("first", "append", path=trace, line="first"),
            task("second", "append_and_wait", path=trace, line="second", until=gate),
            task("third", "sizes", values=[Ref("first"), Ref("second")]),
        ],
        outputs={"third": Ref("third")},
    )


@pytest.mark.parametrize("ends_while_nobody_drives", [False, True])
def test_after_the_death_of_a_driver_nothing_is_done_again(tmp_path: Path, ends_while_nobody_drives: bool) -> None:
    async def story() -> None:
        trace = tmp_path / "trace"
        async with fleet(tmp_path, {"pi": 1}) as there:
            command = [sys.executable, "-c", DRIVER, str(tmp_path), there.address.url, there.address.token]
            root = Path(__file__).parents[2]
            driver = await asyncio.create_subprocess_exec(*command, cwd=root)
            try:
                await until(lambda: trace.exists() and sorted(trace.read_text().split()) == ["first", "second"])
            finally:
                driver.kill()
                await driver.wait()
            if ends_while_nobody_drives:
                (tmp_path / "gate").touch()
                pi = there.devices["pi"]
                await until(lambda: not pi.agent.working)
            async with Run(tmp_path, there.address) as one:
                running = one.session.resume("r")
                if not ends_while_nobody_drives:
                    (tmp_path / "gate").touch()
                result = await running.wait()
            assert result.outputs == {"third": [5, 6]}
            assert sorted(trace.read_text().split()) == ["first", "second"]

    run(story())


def test_a_hub_that_is_not_there_fails_the_task_and_says_where_it_was_looked_for(tmp_path: Path) -> None:
    async def story() -> None:
        async with Run(tmp_path, HubAddress("ws://127.0.0.1:9", "client.x", "--hub"), patience_s=0.3) as one:
            await one.result(Graph([task("t", "where")]))
            failure = one.failure("t")
            assert failure.code == "connection-lost"
            assert "ws://127.0.0.1:9" in failure.message
            assert "orrery hub" in failure.message

    run(story())


def test_a_hub_that_refuses_the_token_fails_the_task_at_once(tmp_path: Path) -> None:
    async def story() -> None:
        async with fleet(tmp_path) as there, Run(tmp_path, HubAddress(there.address.url, "client.nonsense")) as one:
            await one.result(Graph([task("t", "where", effects="pure")]))
            assert one.failure("t").code == "hub-refused"

    run(story())


def test_leaving_while_the_hub_is_away_is_clean_and_the_run_can_be_resumed(tmp_path: Path) -> None:
    async def story() -> None:
        trace, gate = tmp_path / "trace", tmp_path / "gate"
        async with fleet(tmp_path, {"pi": 1}) as there:
            graph = Graph([task("w", "append_and_wait", path=str(trace), line="w", until=str(gate))])
            async with Run(tmp_path, there.address) as one:
                one.session.start(graph, run="r")
                await one.waits("w")
                await there.stop_hub()
            await there.start_hub()
            gate.touch()
            async with Run(tmp_path, there.address) as one:
                result = await one.session.resume("r").wait()
            assert result.state == "succeeded"
            assert trace.read_text() == "w\n"

    run(story())


def test_leaving_before_the_hub_was_reached_is_clean(tmp_path: Path) -> None:
    async def story() -> None:
        async with Run(tmp_path, HubAddress("ws://127.0.0.1:9", "client.x")) as one:
            running = one.session.start(Graph([task("t", "where")]), run="r")
            await asyncio.sleep(0)
            assert running.machine.in_flight
        assert not [task for task in asyncio.all_tasks() if "Fleet" in repr(task) or "Hub" in repr(task)]

    run(story())


# -- which hub ----------------------------------------------------------------------------------------------------


def test_a_secret_in_the_url_of_a_hub_is_refused_and_not_repeated() -> None:
    with pytest.raises(TransportUrlError) as caught:
        find_hub("ws://client.secret@127.0.0.1:1", token="client.t")
    assert "secret@" not in str(caught.value)


def test_which_hub_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("ORRERY_HUB", "ORRERY_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    assert find_hub() is None
    with pytest.raises(HubRefusedError, match="there is no token for the hub at ws://x"):
        find_hub("ws://x")
    monkeypatch.setenv("ORRERY_HUB", "ws://env")
    monkeypatch.setenv("ORRERY_HUB_TOKEN", "client.env")
    assert find_hub() == HubAddress("ws://env", "client.env", "ORRERY_HUB")
    assert find_hub("ws://x") == HubAddress("ws://x", "client.env", "--hub")
    token = tmp_path / "token"
    token.write_text("client.file\n")
    token.chmod(0o644)
    with pytest.raises(HubRefusedError, match="chmod 600"):
        find_hub("ws://x", token_file=token)
    token.chmod(0o600)
    assert find_hub("ws://x", token_file=token) == HubAddress("ws://x", "client.file", "--hub")


def test_a_folder_without_a_hub_is_this_machine_and_one_with_a_doubtful_file_fails_what_needs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("ORRERY_HUB", "ORRERY_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)

    async def story(code: str | None) -> None:
        events: list[Event] = []
        async with Session("memory:", observers=(lambda _run, more: events.extend(more),)) as session:
            other = Task("other", f"{DEEDS}:size", {"value": b"abc"}, executor="thread")
            await session.start(Graph([task("t", "size", value=b"ab"), other])).wait()
        failed = {event.task: event.failure.code for event in events if isinstance(event, TaskFailed)}
        assert failed == ({} if code is None else {"t": code})

    run(story(None))
    HUB_FILE.parent.mkdir()
    HUB_FILE.write_text("{}")
    HUB_FILE.chmod(0o644)
    run(story("hub-refused"))
    HUB_FILE.chmod(0o600)
    run(story("store"))


def test_the_hub_of_the_folder_is_used_if_its_file_is_nobody_elses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("ORRERY_HUB", "ORRERY_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    write_nearby_hub(NearbyHub(urls=("ws://127.0.0.1:1", "wss://x:2"), token="client.t", state="."))
    assert find_hub() == HubAddress("ws://127.0.0.1:1", "client.t", str(HUB_FILE))
    assert find_hub("wss://x:2") == HubAddress("wss://x:2", "client.t", "--hub")
    HUB_FILE.chmod(0o640)
    with pytest.raises(HubRefusedError, match="closed to others"):
        find_hub()
