"""Estimates: which source is believed for which figure, and what an option changes."""

from __future__ import annotations

import math
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orrery.cost import Cost, Device, Estimates, Learned, Model, Option, Platform, Spread, platform_of, taught_by
from orrery.graph import Graph, Ref, Task, Template
from orrery.graph.place import Place
from orrery.graph.ref import ITEM
from orrery.graph.task import Each, Estimate
from orrery.models.serving import Timing
from orrery.testing.strategies import graphs
from tests.cost.logs import Log

SMALL = Model("small", 1.0, 0.1, 4.0, quality=0.6, timing=Timing(0.2, 100.0, 5000.0, 16))
LARGE = Model("large", 10.0, 1.0, 40.0, quality=0.9, timing=Timing(0.5, 20.0, 1000.0, 16, slots=4, slowdown=0.5))
MODELS = Platform({"small": SMALL, "large": LARGE}, default_model="small")


def ask(prompt: object, **more: object) -> Task:
    return Task("a", "model.ask", {"prompt": prompt, **more})


def cost(task: Task, option: Option | None = None, *, platform: Platform = MODELS, **more: object) -> Cost:
    return Estimates(platform, **more).estimate(task, option or Option())  # type: ignore[arg-type]


def taught(*logs: Log) -> Learned:
    known = Learned()
    for number, log in enumerate(logs):
        known.take(str(number), taught_by(log.events))
    return known


figures = st.floats() | st.sampled_from((0.0, 1.0, math.inf, -1.0, 1e300, 5e-324))


@given(figures, figures, st.integers(-(10**400), 10**400), st.booleans())
def test_whatever_is_declared_the_answer_is_finite_and_in_order(
    seconds: float, money: float, tokens: int, calls_a_model: bool
) -> None:
    task = Task("a", "model.ask" if calls_a_model else "x", {"prompt": "hi"}, estimate=Estimate(seconds, money, tokens))
    for option in (Option(), Option("large"), Option(device="nowhere", thinking_tokens=10**400)):
        found = cost(task, option)
        assert 0 <= found.seconds.low <= found.seconds.mid <= found.seconds.high < math.inf
        assert found.tokens.high < math.inf > found.money.high
        believed = 0 <= seconds <= 1e12 and seconds != 1.0
        assert ("declared" in found.because and "s" in found.because) or not believed or option != Option()


@settings(deadline=None, max_examples=40)
@given(graphs(max_tasks=5))
def test_any_task_of_any_graph_has_an_estimate(graph: Graph) -> None:
    for task in graph:
        assert Estimates(MODELS, graph=graph).estimate(task).seconds.high < math.inf


def test_of_what_nobody_knows_the_spread_is_a_hundred() -> None:
    found = cost(Task("a", "x"))
    assert (found.seconds, found.source) == (Spread(0.1, 1.0, 10.0), "default")


def test_figures_that_cannot_be_meant_are_not_believed() -> None:
    for wrong in (math.nan, math.inf, -3.0, 1e30):
        assert cost(Task("a", "x", estimate=Estimate(wrong))).source == "default"
    assert cost(Task("a", "x", estimate=Estimate(0.0))).seconds == Spread(0, 0, 0)


def test_each_figure_has_its_own_source_and_the_least_trusted_is_named() -> None:
    task = msgspec.structs.replace(ask("x" * 400), estimate=Estimate(seconds=7.0))
    log = Log(task).ran("a", 3.0, tokens=350, value="y" * 1000).ended()
    found = cost(task, learned=taught(log, log, log))
    assert found.seconds.mid == 7.0
    assert found.prompt_tokens.mid == 100
    assert found.answer_tokens.mid == pytest.approx(250, rel=0.03)
    assert found.source == "catalogue"
    assert found.because == "declared 7 s; answers of 3 attempts at this step; price of small"


def test_declared_seconds_stand_until_the_log_contradicts_them() -> None:
    task = Task("a", "x", estimate=Estimate(2.0))
    right, wrong = Log(task).ran("a", 2.2).ended(), Log(task).ran("a", 6.0).ended()
    assert cost(task, learned=taught(*[right] * 20)).source == "declared"
    assert cost(task, learned=taught(*[wrong] * 7)).seconds.mid == 2.0, "too few attempts to say so"
    found = cost(task, learned=taught(*[wrong] * 8))
    assert found.source == "learned"
    assert found.seconds.mid == pytest.approx(6.0, rel=0.03)


def test_a_call_costs_what_its_prompt_and_its_answer_are_long() -> None:
    found = cost(ask("x" * 4000, max_tokens=100))
    assert (found.prompt_tokens.mid, found.answer_tokens.mid, found.answer_tokens.high) == (1000, 100, 100)
    assert found.money.mid == pytest.approx(1000 * 1e-6 + 100 * 4e-6)
    assert found.seconds.mid == pytest.approx(0.2 + 1000 / 5000 + 99 / 100, rel=0.02)
    assert (found.source, found.quality) == ("catalogue", 0.6)


def test_another_model_changes_price_timing_and_quality_and_thinking_adds_to_the_answer() -> None:
    task = ask("x" * 4000, max_tokens=100)
    here, there = cost(task), cost(task, Option("large"))
    assert there.money.mid == pytest.approx(10 * here.money.mid)
    assert there.seconds.mid == pytest.approx(0.5 + 1 + 99 / 20, rel=0.02)
    assert there.quality == 0.9
    thoughtful = cost(task, Option(thinking_tokens=1000))
    assert thoughtful.answer_tokens == here.answer_tokens + Spread(100, 500, 1000)
    assert thoughtful.seconds.mid > here.seconds.mid + 4.9
    assert cost(task, Option(thinking_tokens=0)) == here


def test_the_model_that_is_asked_anyway_is_no_other() -> None:
    for task in (ask("x" * 40), ask("x" * 40, model="small")):
        log = Log(task).ran("a", 30.0, tokens=1100, value="y").ended()
        known = taught(log, log, log)
        assert cost(task, Option("small"), learned=known) == cost(task, learned=known)
        declared = msgspec.structs.replace(task, estimate=Estimate(5.0, 0.25, 100))
        assert cost(declared, Option("small")) == cost(declared)
        assert cost(declared, Option("large")).money.mid != pytest.approx(0.25)


def test_what_one_model_took_says_nothing_of_the_time_of_another_but_much_of_its_answer() -> None:
    task = ask("x" * 400)
    log = Log(task).ran("a", 30.0, tokens=1100, value="y").ended()
    known = taught(log, log, log)
    assert cost(task, learned=known).seconds.mid == pytest.approx(30, rel=0.03)
    there = cost(task, Option("large"), learned=known)
    assert there.answer_tokens.mid == pytest.approx(1000, rel=0.03)
    assert there.seconds.mid == pytest.approx(0.5 + 0.1 + 1000 / 20, rel=0.03)


def test_answers_from_a_cache_teach_only_of_their_own_step() -> None:
    task, other = ask("x" * 400), ask("z" * 401)
    recalled = Log(task).ran("a", 0.001, value="y").ended()
    known = taught(recalled, recalled, recalled)
    assert cost(task, learned=known).seconds.mid == pytest.approx(0.001, rel=0.03)
    assert cost(other, learned=known).seconds.mid > 1


def test_calls_over_items_share_the_beginning_of_their_prompts_and_slow_each_other() -> None:
    prompt = Template(["x" * 640, Ref("@item")])
    each = msgspec.structs.replace(ask(prompt, max_tokens=100, model="large"), each=Each(["ab"] * 8))
    found = cost(each)
    assert found.cached_tokens.mid == 160
    assert found.items == Spread.exactly(8)
    alone = cost(ask(prompt, max_tokens=100, model="large"))
    assert alone.cached_tokens.mid == 0
    assert found.seconds.mid > 2 * alone.seconds.mid, "four at once, each half as slow again"
    forgets = msgspec.structs.replace(LARGE, timing=Timing(block_tokens=0))
    assert cost(each, platform=Platform({"large": forgets})).cached_tokens.mid == 0


def test_a_reference_counts_as_long_as_what_it_stands_for() -> None:
    source, reads = Task("s", "files.read"), ask(Template(["About: ", Ref("s")]))
    graph = Graph([source, reads])
    assert cost(reads).prompt_tokens.mid == pytest.approx(501.75)
    log = Log(graph=graph).ran("s", 0.1, value="x" * 40_000).ended()
    known = Estimates(MODELS, taught(log, log, log), graph=graph).estimate(reads)
    assert known.prompt_tokens.mid == pytest.approx(10_000, rel=0.03)
    assert known.prompt_tokens.high > 1.5 * known.prompt_tokens.mid
    given_text = Estimates(MODELS, inputs={"text": "x" * 800}).estimate(ask(Ref("@inputs", ("text",))))
    assert given_text.prompt_tokens == Spread.exactly(200)


def test_the_results_of_all_items_are_as_large_as_all_of_them() -> None:
    each = Task("e", "files.read", {"path": Ref("@item")}, each=Each(["x", "y", "z"]))
    reads = ask(Ref("e"))
    graph = Graph([each, reads])
    log = Log(graph=graph).fanned_out("e", [1.0] * 3, value="x" * 4000).ended()
    known = Estimates(MODELS, taught(log, log, log), graph=graph)
    assert known.estimate(reads).prompt_tokens.mid == pytest.approx(3000, rel=0.03)
    assert known.estimate(each).result_bytes.mid == pytest.approx(4000, rel=0.03)


def test_a_for_each_over_the_item_of_another_is_of_unknown_size() -> None:
    prompt = Ref(ITEM)
    task = Task("a", "model.ask", {"prompt": prompt}, each=Each(["first", prompt]))
    unknown = cost(ask(prompt))
    assert cost(task, graph=Graph([task])).prompt_tokens == unknown.prompt_tokens


def test_a_faster_device_takes_less_and_may_cost_money() -> None:
    fleet = Platform(devices={"pi": Device("pi", 0.5), "gpu": Device("gpu", 10.0, money_per_s=0.01)})
    task = Task("a", "x", estimate=Estimate(20.0))
    assert cost(task, Option(device="gpu"), platform=fleet).seconds.mid == pytest.approx(2.0)
    assert cost(task, Option(device="gpu"), platform=fleet).money.mid == pytest.approx(0.02)
    assert cost(msgspec.structs.replace(task, place=Place(on=("pi",))), platform=fleet).seconds.mid == pytest.approx(40)
    unknown = Task("b", "y")
    log = Log(unknown).ran("b", 8.0, where="pi").ended()
    known = taught(log, log, log)
    assert cost(unknown, Option(device="pi"), platform=fleet, learned=known).seconds.mid == pytest.approx(8, rel=0.03)
    there = cost(unknown, Option(device="gpu"), platform=fleet, learned=known)
    assert there.seconds.mid == pytest.approx(0.4, rel=0.03)
    assert there.because == "median of 3 attempts at y on pi"
    for broken in (0.0, -1.0, math.nan, math.inf):
        odd = Platform(devices={"odd": Device("odd", broken)})
        assert cost(task, Option(device="odd"), platform=odd).seconds.mid == 20.0


def test_the_platform_has_the_models_of_the_settings_with_their_prices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "models.toml").write_text(
        'default = "mine:large"\n[providers.mine]\nkind = "openai-chat"\nbase_url = "http://127.0.0.1:9/v1"\n'
        'key = "none"\nconcurrency = 3\n[models."mine:large"]\ninput_per_mtok = 2.0\noutput_per_mtok = 10.0\n'
    )
    monkeypatch.setenv("ORRERY_MODELS", str(tmp_path / "models.toml"))
    monkeypatch.delenv("ORRERY_MODEL", raising=False)
    tasks = [ask("x" * 400, max_tokens=100), Task("b", "model.ask", {"prompt": "x", "model": "no:such"})]
    platform = platform_of(tasks, capacity={"process": 2})
    assert platform.default_model == "mine:large"
    assert platform.models["mine:large"].slots == 3
    assert platform.capacity == {"process": 2}
    found = cost(tasks[0], platform=platform)
    assert found.tokens.mid == 200
    assert found.money.mid == pytest.approx(100 * 2e-6 + 100 * 10e-6)
    assert cost(tasks[1], platform=platform).money.mid == 0
