"""The command line of the benches; `orrery bench` hands its arguments over to `main`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from orrery.bench import benches
from orrery.bench.plot import plot
from orrery.bench.report import Options
from orrery.errors import OrreryError, RequestError


def main(argv: Sequence[str], *, prog: str = "python -m orrery.bench") -> int:
    """Run a bench and print what it found: with --json one object, last on stdout.

    Returns: 0 if every target was met, 1 if one was missed or nothing could be measured, 2 if the arguments are wrong.
    """
    parser = _parser(prog)
    try:
        asked = parser.parse_args(argv)
    except SystemExit as ended:  # argparse has printed what is wrong, or the help
        return ended.code if isinstance(ended.code, int) else 2
    if asked.name is None:
        print("\n".join(benches.names()))
        return 0
    options = Options(
        seed=asked.seed,
        quick=asked.quick,
        full=asked.full,
        seeds=asked.seeds,
        jobs=asked.jobs,
        only=asked.only,
        planner=asked.planner,
        minutes=asked.minutes,
        tell=_tell,
    )
    try:
        report = benches.get(asked.name)(options)
        print(report.to_json() if asked.json else report.to_text(), flush=True)
        if asked.plot is not None:  # after the report, which may have taken minutes, is safe
            plot(report, asked.plot)
    except OrreryError as error:
        print(f"{prog}: {error} [{error.code}]", file=sys.stderr)
        return 2 if isinstance(error, RequestError) else 1
    return 0 if report.ok else 1


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=prog, description="Measure, with the baseline beside it.")
    parser.add_argument("name", nargs="?", metavar="NAME", help="which bench; without it, their names are listed")
    parser.add_argument("--json", action="store_true", help="print one JSON object in place of the table")
    parser.add_argument("--quick", action="store_true", help="a small instance in seconds; timings are not judged")
    parser.add_argument("--full", action="store_true", help="also what takes a minute or more")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="of everything random (1)")
    parser.add_argument(
        "--seeds", type=_count, metavar="N", help="world, fleet-drills: how many seeds, from S on (1000, 300)"
    )
    parser.add_argument("--jobs", type=_count, default=os.cpu_count() or 1, metavar="N", help="processes at once")
    parser.add_argument(
        "--only",
        default="",
        metavar="PART",
        help="fleet, fleet-drills: one category, or one CATEGORY/NAME; optimiser: one section; dashboard: one part",
    )
    parser.add_argument("--planner", default="both", metavar="NAME", help="fleet: gold, rules, or both")
    parser.add_argument(
        "--minutes",
        type=_minutes,
        default=1.0,
        metavar="M",
        help="dashboard: how long the page's memory is watched (1)",
    )
    parser.add_argument("--plot", type=_picture, metavar="FILE", help="draw the rows to an SVG or PNG file")
    return parser


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a count; give 1 or more")
    return number


def _minutes(text: str) -> float:
    minutes = float(text)
    if not 0 < minutes <= 24 * 60:
        raise argparse.ArgumentTypeError(f"{text} is no time to watch; give minutes, up to a day")
    return minutes


def _picture(text: str) -> Path:
    path = Path(text)
    if path.suffix.lower() not in (".svg", ".png"):
        raise argparse.ArgumentTypeError(f"{text} must end in .svg or .png")
    return path


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
