"""The fleet's suite: it is well formed, its checks can fail, its bound is one, and two of its requests really run."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from orrery.bench.command import main
from orrery.bench.fleet.bound import bound_s
from orrery.bench.fleet.checks import alike, answer_has, every, file_is, is_gone, json_is, reason_has
from orrery.bench.fleet.exercise import HUB, End, Exercise
from orrery.bench.fleet.machines import running
from orrery.bench.fleet.run import gold, perform
from orrery.bench.fleet.score import Total, score
from orrery.bench.fleet.setting import DESK, PROFILES, Setting
from orrery.bench.fleet.steps import TURN, step
from orrery.bench.fleet.suite import CATEGORIES, EXERCISES, chosen
from orrery.errors import UnknownNameError
from orrery.graph import Edge, Graph, Place
from orrery.graph.query import width
from orrery.graph.values import encode
from orrery.runtime.operations import resolve
from orrery.scheduler import events as ev

by_name = pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.full_name)


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    return Setting(tmp_path)


def untouched(exercise: Exercise, setting: Setting) -> End:
    """The state in which a request finds everything."""
    exercise.build(setting)
    return End(folders=setting.folders, before=setting.contents(), calls=setting.calls())


# -- the suite ------------------------------------------------------------------------------------------------


def test_there_are_55_requests_in_ten_categories() -> None:
    count = Counter(exercise.category for exercise in EXERCISES)
    assert len(EXERCISES) == 55
    assert len(count) == len(CATEGORIES) == 10
    assert set(count.values()) == {5, 6}


def test_no_two_requests_have_the_same_name_or_words() -> None:
    assert len({exercise.full_name for exercise in EXERCISES}) == len(EXERCISES)
    assert len({exercise.words for exercise in EXERCISES}) == len(EXERCISES)


def test_plans_are_wide_enough_to_be_worth_five_devices(setting: Setting) -> None:
    widths = []
    for exercise in EXERCISES:
        setting.clear()
        exercise.build(setting)
        widths.append(width(exercise.gold(setting))[0])
    assert sum(widths) / len(widths) >= 1.72


@by_name
def test_a_check_fails_on_the_untouched_fixture(exercise: Exercise, setting: Setting) -> None:
    end = untouched(exercise, setting)
    assert exercise.subtasks
    assert not any(exercise.done(end))
    assert not exercise.succeeded(end)
    assert not exercise.harm(end)


@by_name
def test_what_was_not_asked_for_is_harm(exercise: Exercise, setting: Setting) -> None:
    end = untouched(exercise, setting)
    setting.write("pi1/stray.tmp", "left behind")
    assert exercise.harm(end) == ["pi1/stray.tmp"]


@by_name
def test_a_gold_graph_is_one_that_these_devices_can_run(exercise: Exercise, setting: Setting) -> None:
    exercise.build(setting)
    graph = exercise.gold(setting)  # making a graph verifies it
    for task in graph:
        assert task.limits.resources == {TURN: 1}
        resolve(task.op)
        place = task.place
        assert (task.executor == "fleet") == (place is not None)
        if place is not None:
            assert all(name in PROFILES for name in place.on if isinstance(name, str))
            assert any(set(place.skills) <= set(profile.skills) for profile in PROFILES.values())
    places = [task.place for task in graph if task.place is not None]
    names = {name if isinstance(name, str) else "another" for place in places for name in place.on or place.skills}
    assert not places or len(names) >= 2, "it is a request across devices"


@by_name
def test_words_name_the_services_that_a_plan_needs_and_a_drill_kills_something_real(
    exercise: Exercise, setting: Setting
) -> None:
    said = exercise.said(setting)
    assert "{web1}" not in said
    assert len(said) > 40
    if exercise.drill is not None:
        assert exercise.drill.kills in (*PROFILES, HUB)
        assert exercise.drill.when.partition("/")[0] in setting.folders


def test_a_part_of_the_suite_can_be_chosen() -> None:
    assert {exercise.category for exercise in chosen("logs")} == {"logs"}
    assert [exercise.full_name for exercise in chosen("logs/rotated")] == ["logs/rotated"]
    with pytest.raises(UnknownNameError):
        chosen("logs/rotted")


def test_an_unknown_part_or_planner_is_the_callers_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fleet", "--only", "lags"]) == 2
    assert "logs" in capsys.readouterr().err
    assert main(["fleet", "--planner", "silver"]) == 2


# -- checks -----------------------------------------------------------------------------------------------------


def test_checks_ask_for_the_end_state_only(setting: Setting) -> None:
    setting.write("web1/a.json", '{"n": 1.0000000001, "of": [1, 2]}')
    end = End(
        folders=setting.folders, before={}, outputs={"answer": {"host": "web2", "load": 0.94}}, reason="Disk is full"
    )
    assert json_is("web1/a.json", {"n": 1, "of": (1, 2)})(end)
    assert not json_is("web1/a.json", {"n": True, "of": [1, 2]})(end)
    assert answer_has("web2", 0.94)(end)
    assert not answer_has("web3")(end)
    assert reason_has("disk IS full", "web2")(end)
    assert every(is_gone("web1/b", "db1/b"), file_is("web1/a.json", setting.path("web1/a.json").read_bytes()))(end)
    assert not alike("1", 1)


# -- the bound ----------------------------------------------------------------------------------------------------


def ran(*attempts: tuple[str, float, float]) -> Iterator[ev.Event]:
    """The events of attempts (task, from, to)."""
    for task, began, ended in sorted(attempts, key=lambda attempt: attempt[1]):
        yield ev.TaskStarted(began, task, 1)
        yield ev.TaskSucceeded(ended, task, 1, msgspec.Raw(encode(1)), began_at=began)


def test_the_bound_is_the_longest_path_where_there_is_room() -> None:
    graph = Graph([step(name, "files.read", "big1", path="x") for name in "abc"], [Edge("a", "b")])
    assert bound_s(graph.live(), list(ran(("a", 0, 1), ("b", 1, 3), ("c", 0, 2)))) == pytest.approx(3)


def test_the_bound_counts_what_must_share_a_slot() -> None:
    camera = Place(skills=("camera",))
    graph = Graph([step(name, "files.read", camera, path="x") for name in "abc"])
    assert bound_s(graph.live(), list(ran(("a", 0, 1), ("b", 1, 2), ("c", 2, 3)))) == pytest.approx(3)


def test_three_whole_tasks_on_two_slots_take_twice_as_long_as_one() -> None:
    graph = Graph([step(name, "files.read", "db1", path="x") for name in "abc"])
    assert bound_s(graph.live(), list(ran(("a", 0, 1), ("b", 0, 1), ("c", 1, 2)))) == pytest.approx(2)


def test_a_task_that_waits_for_some_does_not_wait_for_the_last() -> None:
    tasks = [step(name, "files.read", "big1", path="x") for name in "ab"]
    graph = Graph(
        [*tasks, step("first", "files.read", "big1", join=1, path="x")], [Edge("a", "first"), Edge("b", "first")]
    )
    assert bound_s(graph.live(), list(ran(("a", 0, 1), ("b", 0, 5), ("first", 1, 2)))) == pytest.approx(5)


# -- for real -----------------------------------------------------------------------------------------------------


def test_requests_really_run_on_a_hub_and_five_devices(tmp_path: Path) -> None:
    async def two() -> list[tuple[bool, float, float]]:
        found = []
        async with running(tmp_path) as (setting, machines):
            for name in ("build/one-fails", "watch/quorum"):
                [exercise] = chosen(name)
                performed = await perform(exercise, gold, setting, machines)
                total = Total([score(exercise, "gold", performed)])
                assert performed.because == "" or not performed.success or "negative" in performed.because
                assert total.frames > 0
                found.append((performed.success, total.scores[0].bound_s, performed.seconds))
            assert not any(setting.folders[DESK].iterdir())
        return found

    for success, bound, seconds in asyncio.run(two()):
        assert success
        assert 0 < bound <= seconds


def test_the_bench_reports_both_planners(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    picture = tmp_path / "fleet.svg"
    assert main(["fleet", "--quick", "--only", "logs/top-clients", "--json", "--plot", str(picture)]) == 0
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    values = {row["case"]: row["value"] for row in report["rows"]}
    assert values["gold, all (1): requests done"] == 1
    assert "rules, all (1): requests done" in values
    assert picture.stat().st_size > 0
