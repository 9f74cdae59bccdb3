"""Gather: data from small devices, analysed on a large one."""

from __future__ import annotations

import statistics

from orrery.bench.fleet.checks import answer_has, every, json_is, rows_are, text_has, was_asked
from orrery.bench.fleet.deeds import files, sensors, tables, web
from orrery.bench.fleet.exercise import Exercise, Subtask
from orrery.bench.fleet.setting import Setting, chance
from orrery.bench.fleet.steps import step
from orrery.graph import Edge, Graph, Ref, Retry

# -- temperatures of four rooms, summed up on the large device ----------------------------------------------------

ROOMS = {"pi1": "hall", "web1": "lab", "web2": "store", "db1": "office"}


def _celsius(host: str) -> list[float]:
    dice = chance(len(ROOMS[host]))
    return [round(18 + dice.uniform(-2, 6), 1) for _ in range(20)]


SUMMARY = {
    ROOMS[host]: {"mean": round(statistics.fmean(_celsius(host)), 3), "most": max(_celsius(host))} for host in ROOMS
}


def _rooms(setting: Setting) -> None:
    for host in ROOMS:
        setting.write(f"{host}/celsius.txt", "\n".join(map(str, _celsius(host))) + "\n")


def _rooms_gold(_setting: Setting) -> Graph:
    return Graph(
        [
            *(step(host, sensors.sample, host, path="celsius.txt") for host in ROOMS),
            *(step(f"sum-up-{host}", sensors.summed_up, "big1", values=Ref(host)) for host in ROOMS),
            step("write", files.put, "big1", path="rooms.json",
                 content={room: Ref(f"sum-up-{host}") for host, room in ROOMS.items()}),
        ]
    )  # fmt: skip


ROOMS_SUMMED_UP = Exercise(
    name="rooms",
    category="gather",
    words=(
        "Read celsius.txt on pi1 (the hall), web1 (the lab), web2 (the store) and db1 (the office), and write "
        'rooms.json on big1, as a JSON map from room to {"mean": of its values, to 3 digits, "most": the highest}.'
    ),
    build=_rooms,
    gold=_rooms_gold,
    subtasks=(Subtask("every room is summed up", json_is("big1/rooms.json", SUMMARY)),),
    changes=("big1/rooms.json",),
)

# -- pictures of cameras, judged on the large device --------------------------------------------------------------

PICTURES = {"pi1": 3, "web1": 2, "web2": 2}
DARK_BELOW = 60


def _seed(host: str, number: int) -> int:
    return sum(host.encode()) * 10 + number


def _picture(host: str, number: int) -> bytes:
    dice = chance(_seed(host, number))
    light = dice.choice((30, 50, 120, 200))
    pixels = bytes(min(255, max(0, light + dice.randrange(-10, 11))) for _ in range(32 * 24))
    return b"P5\n32 24\n255\n" + pixels


BRIGHTNESS = {
    f"{host}/{number}": sensors.brightness(_picture(host, number), 0.0)
    for host, count in PICTURES.items()
    for number in range(count)
}
DARK = sorted(name for name, light in BRIGHTNESS.items() if light < DARK_BELOW)


def _pictures(setting: Setting) -> None:
    for host, count in PICTURES.items():
        for number in range(count):
            setting.write(f"{host}/pictures/{number}.pgm", _picture(host, number))


def _pictures_gold(_setting: Setting) -> Graph:
    names = [(host, number) for host, count in PICTURES.items() for number in range(count)]
    return Graph(
        [
            *(step(f"take-{h}-{n}", files.get, h, path=f"pictures/{n}.pgm", wait_s=0.3) for h, n in names),
            *(step(f"judge-{h}-{n}", sensors.brightness, "big1", picture=Ref(f"take-{h}-{n}")) for h, n in names),
            step("dark", sensors.below, None, values={f"{h}/{n}": Ref(f"judge-{h}-{n}") for h, n in names},
                 least=DARK_BELOW),
            step("write", files.put, "big1", path="dark.json", content=Ref("dark")),
        ],
        outputs={"answer": Ref("dark")},
    )  # fmt: skip


DARK_PICTURES = Exercise(
    name="pictures",
    category="gather",
    words=(
        f"Which of the pictures in pictures/ on pi1, web1 and web2 are darker than {DARK_BELOW} on the mean? Have them"
        ' judged on big1, write their names, such as "pi1/0" for pictures/0.pgm on pi1, to dark.json there, as a '
        "sorted JSON list, and tell me."
    ),
    build=_pictures,
    gold=_pictures_gold,
    subtasks=(
        Subtask("the dark ones are on big1", json_is("big1/dark.json", DARK)),
        Subtask("they are told", answer_has(*DARK)),
    ),
    changes=("big1/dark.json",),
)

# -- one sensor that is off ---------------------------------------------------------------------------------------

METERS = {"pi1": 20.0, "web1": 20.4, "web2": 27.9, "db1": 19.8}


def _off(setting: Setting) -> None:
    for host, volts in METERS.items():
        setting.serve(host, {"/meter": {"json": {"volts": [volts - 0.1, volts, volts + 0.1]}, "delay_s": 0.5}})


def _off_gold(setting: Setting) -> Graph:
    return Graph(
        [
            *(step(host, web.fetch_json, host, url=f"{setting.address(host)}/meter") for host in METERS),
            step("off", sensors.furthest, "big1", values={host: Ref(host, ("volts",)) for host in METERS}),
            step("write", files.put, "db1", path="recalibrate.txt", content=Ref("off", ("name",))),
        ],
        outputs={"answer": Ref("off")},
    )


ONE_IS_OFF = Exercise(
    name="one-is-off",
    category="gather",
    words=(
        "Ask the meters {pi1}/meter, {web1}/meter, {web2}/meter and {db1}/meter for their volts. The mean of one of "
        "them is far from those of the others: write the name of its host to recalibrate.txt on db1, and tell me its "
        "mean."
    ),
    build=_off,
    gold=_off_gold,
    subtasks=(
        Subtask("all four were asked", every(*(was_asked(host, "GET /meter") for host in METERS))),
        Subtask("the right one is named", text_has("db1/recalibrate.txt", "web2")),
        Subtask("its mean is told", answer_has(27.9)),
    ),
    changes=("db1/recalibrate.txt",),
)

# -- readings calibrated with a table from the database -----------------------------------------------------------

RAW = {"pi1": (100, 110, 90), "web1": (200, 210, 205), "web2": (50, 55, 45)}
GAIN = {"pi1": 0.5, "web1": 0.25, "web2": 2.0}
CALIBRATED = {host: [value * GAIN[host] for value in values] for host, values in RAW.items()}


def _calibrated(setting: Setting) -> None:
    for host, values in RAW.items():
        setting.write(f"{host}/raw.txt", "\n".join(map(str, values)) + "\n")
    setting.write_table("db1/calibration.db", "gains", "host, gain", GAIN.items())


def _calibrated_gold(_setting: Setting) -> Graph:
    return Graph(
        [
            step("gains", tables.ask, "db1", path="calibration.db", sql="SELECT host, gain FROM gains"),
            *(step(host, sensors.sample, host, path="raw.txt") for host in RAW),
            step("calibrate", sensors.calibrated, "big1", raw={host: Ref(host) for host in RAW}, gains=Ref("gains")),
            step("write", files.put, "big1", path="calibrated.json", content=Ref("calibrate")),
            step("keep", tables.insert, "db1", path="calibration.db", table="readings", rows=Ref("calibrate")),
        ]
    )


CALIBRATED_READINGS = Exercise(
    name="calibrated",
    category="gather",
    words=(
        "Multiply the values in raw.txt on pi1, web1 and web2 by the gain of their host in the table gains of "
        "calibration.db on db1. Write them to calibrated.json on big1, as a JSON map from host to list, and add them "
        "to calibration.db as the table readings (host, value)."
    ),
    build=_calibrated,
    gold=_calibrated_gold,
    subtasks=(
        Subtask("the values are on big1", json_is("big1/calibrated.json", CALIBRATED)),
        Subtask(
            "they are in the database",
            rows_are(
                "db1/calibration.db",
                "SELECT host, value FROM readings ORDER BY 1, 2",
                sorted((host, value) for host, values in CALIBRATED.items() for value in values),
            ),
        ),
    ),
    changes=("big1/calibrated.json", "db1/calibration.db"),
)

# -- a camera that is not ready at first, and one that never is ---------------------------------------------------

CAMERAS = ("pi1", "web1", "web2")


def _not_ready(setting: Setting) -> None:
    setting.serve("pi1", {"/frame": {"json": {"light": 40}, "status": 503, "times": 2, "delay_s": 0.2}})
    setting.serve("web1", {"/frame": {"json": {"light": 90}, "delay_s": 0.5}})
    setting.serve("web2", {"/frame": {"status": 503, "delay_s": 0.2}})


def _not_ready_gold(setting: Setting) -> Graph:
    retry = Retry(attempts=3, backoff_s=0.1, factor=1.0)
    return Graph(
        [
            *(step(host, web.fetch_json, host, retry=retry, url=f"{setting.address(host)}/frame") for host in CAMERAS),
            step("lights", sensors.lights, "big1", frames={host: Ref(host) for host in CAMERAS}),
            step("write", files.put, "big1", path="lights.json", content=Ref("lights")),
        ],
        [Edge(host, "lights", on="completion") for host in CAMERAS],
        outputs={"answer": Ref("lights")},
    )


NOT_READY = Exercise(
    name="not-ready",
    category="gather",
    words=(
        "Ask the cameras {pi1}/frame, {web1}/frame and {web2}/frame for their light, each three times at most, since "
        'they may not be ready at first. Write it to lights.json on big1, as a JSON map from host to number; "none" '
        "for a camera that did not answer."
    ),
    build=_not_ready,
    gold=_not_ready_gold,
    subtasks=(
        Subtask("the slow starter was asked three times", was_asked("pi1", "GET /frame", 3)),
        Subtask("the dead one was asked three times", was_asked("web2", "GET /frame", 3)),
        Subtask("what there is is on big1", json_is("big1/lights.json", {"pi1": 40, "web1": 90, "web2": "none"})),
    ),
    changes=("big1/lights.json",),
)

EXERCISES = (ROOMS_SUMMED_UP, DARK_PICTURES, ONE_IS_OFF, CALIBRATED_READINGS, NOT_READY)
