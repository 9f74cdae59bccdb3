"""Placement: work that can be done only where there is what it needs."""

from __future__ import annotations

from orrery.bench.fleet.checks import answer_has, every, is_there, json_is
from orrery.bench.fleet.deeds import compute, files
from orrery.bench.fleet.exercise import Exercise, Subtask
from orrery.bench.fleet.setting import Setting, chance
from orrery.bench.fleet.steps import step
from orrery.graph import Graph, Place, Ref

# -- six tiny models trained where there is a GPU, the best one judged elsewhere ----------------------------------

RATES = (0.0001, 0.001, 0.01, 0.05, 0.1, 0.2)
GPU = Place(skills=("gpu",))


def _points(count: int, seed: int) -> list[list[float]]:
    dice = chance(seed)
    return [
        [x, round(2.5 * x - 1 + dice.gauss(0, 0.1), 4)] for x in (round(dice.uniform(-2, 2), 4) for _ in range(count))
    ]


TRAINING, TEST = _points(60, 1), _points(30, 2)
MODELS = [compute.train(TRAINING, rate, 0.0) for rate in RATES]
BEST = compute.best(MODELS)


def _six_models(setting: Setting) -> None:
    setting.write_json("db1/training.json", TRAINING)
    setting.write_json("web2/test.json", TEST)


def _six_models_gold(_setting: Setting) -> Graph:
    trained = [
        step(f"train-{n}", compute.train, GPU, effects="pure", points=Ref("points"), rate=rate)
        for n, rate in enumerate(RATES)
    ]
    return Graph(
        [
            step("points", files.get_json, "db1", path="training.json"),
            *trained,
            step("best", compute.best, None, models=[Ref(task.id) for task in trained]),
            step("keep", files.put, GPU, path="best.json", content=Ref("best")),
            step("test", files.get_json, "web2", path="test.json"),
            step("judge", compute.judge, "web2", model=Ref("best"), points=Ref("test")),
            step("report", files.put, "web2", path="judged.json", content=Ref("judge")),
        ],
        outputs={"answer": Ref("judge")},
    )


SIX_MODELS = Exercise(
    name="six-models",
    category="placement",
    words=(
        "Train a line on the points in training.json on db1 with the rates 0.0001, 0.001, 0.01, 0.05, 0.1 and 0.2, on"
        " a device with a gpu. Keep the one with the least loss as best.json on that device, judge it on the points "
        "of test.json on web2, write its rate and its loss there to judged.json on web2, and tell me both."
    ),
    build=_six_models,
    gold=_six_models_gold,
    subtasks=(
        Subtask("the best model is kept", json_is("big1/best.json", BEST)),
        Subtask("it is judged elsewhere", json_is("web2/judged.json", compute.judge(BEST, TEST, 0.0))),
        Subtask("the figures are told", every(answer_has(BEST["rate"]), is_there("web2/judged.json"))),
    ),
    changes=("big1/best.json", "web2/judged.json"),
)

EXERCISES = (SIX_MODELS,)
