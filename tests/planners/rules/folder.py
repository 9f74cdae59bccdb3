"""The folder in which the suites run: a small project with code, notes, logs in several forms, and tables."""

from __future__ import annotations

import json
import os
from pathlib import Path

_LINES = {
    "src/app/main.py": 40, "src/app/views.py": 95, "src/app/models.py": 120, "src/app/forms.py": 12,
    "src/core/engine.py": 210, "src/core/cache.py": 64, "src/core/errors.py": 18, "src/core/text.py": 33,
    "src/cli.py": 75, "src/server.py": 150, "src/setup.py": 7, "src/tools/format.py": 51,
    "tests/test_engine.py": 80, "tests/test_cli.py": 22,
}  # fmt: skip
"""Python files to their number of lines; all different."""
_TODOS = {"src/app/views.py": 2, "src/core/cache.py": 1, "tests/test_cli.py": 1}

_SALES = """\
order_id,date,region,customer,product,quantity,amount
1,2025-01-03,North,Acme,Lamp,2,40.0
2,2025-01-09,South,Birch,Chair,1,85.5
3,2025-01-20,North,Cobalt,Desk,1,320.0
4,2025-02-02,East,Acme,Lamp,5,100.0
5,2025-02-11,West,Dune,Chair,4,342.0
6,2025-02-18,South,Birch,Desk,2,640.0
7,2025-03-05,North,Acme,Chair,1,85.5
8,2025-03-09,East,Cobalt,Desk,1,320.0
9,2025-03-21,South,Dune,Lamp,10,200.0
10,2025-03-30,North,Birch,Lamp,3,60.0
"""
_STAFF = [
    {"name": "Ada", "team": "red", "age": 36, "salary": 5200},
    {"name": "Bo", "team": "blue", "age": 29, "salary": 4100},
    {"name": "Cy", "team": "red", "age": 51, "salary": 6100},
    {"name": "Di", "team": "green", "age": 44, "salary": 5600},
    {"name": "Ed", "team": "blue", "age": 23, "salary": 3300},
]
_APP_LOG = """\
2025-03-01 10:00:01 INFO server started
2025-03-01 10:00:09 WARNING cache is cold
2025-03-01 10:05:00 ERROR database timeout
2025-03-01 10:40:11 INFO request served
2025-03-01 11:02:30 ERROR database timeout
2025-03-01 11:03:00 ERROR disk full
2025-03-01 11:20:45 WARNING slow query
2025-03-01 12:00:00 DEBUG tick
2025-03-01 12:00:01 INFO shutdown
"""
_WORKER_LOG = """\
time=2025-03-01T10:00:00Z level=info msg="job started" job=a duration_ms=120
time=2025-03-01T10:01:00Z level=error msg="job failed" job=b duration_ms=900
time=2025-03-01T10:02:00Z level=info msg="job done" job=a duration_ms=340
time=2025-03-01T10:03:00Z level=warn msg="job slow" job=c duration_ms=2400
"""
_EVENTS = [
    {"ts": "2025-03-01T09:00:00Z", "level": "info", "msg": "login", "user": "ada"},
    {"ts": "2025-03-01T09:05:00Z", "level": "error", "msg": "denied", "user": "bo"},
    {"ts": "2025-03-01T09:30:00Z", "level": "info", "msg": "login", "user": "cy"},
    {"ts": "2025-03-01T10:10:00Z", "level": "info", "msg": "logout", "user": "ada"},
]
_REQUESTS = (
    ("10.0.0.1", "10:00:01", "GET /index.html", 200, 512), ("10.0.0.2", "10:00:05", "GET /about.html", 200, 1024),
    ("10.0.0.1", "10:01:00", "GET /missing", 404, 64), ("10.0.0.3", "10:02:30", "POST /login", 500, 0),
    ("10.0.0.1", "11:00:00", "GET /index.html", 200, 512), ("10.0.0.2", "11:10:00", "GET /data.json", 503, 10),
    ("10.0.0.3", "11:15:00", "GET /index.html", 304, 0), ("10.0.0.1", "12:00:00", "GET /about.html", 200, 1024),
)  # fmt: skip
_NOTES = {
    "notes/plan.md": "# Plan\n\nbuy paint\npaint the fence\ncall Ada\n",
    "notes/ideas.md": "# Ideas\n\n- a garden\n- a pond\n",
    "notes/todo.txt": "water the plants\npay the rent\nwater the lawn\nfix the bike\n",
    "notes/old/draft.txt": "an old draft\n",
    "README.md": "# Example\n\nA small project.\n",
    "config.json": json.dumps({"name": "example", "version": "1.4.2", "debug": False}, indent=2) + "\n",
    "poem.txt": "the sea the sky the sea\nand the wind\n",
    "build/a.tmp": "x\n", "build/b.tmp": "yy\n", "build/keep.txt": "keep\n",
}  # fmt: skip


def make(folder: Path) -> None:
    """Fill an empty folder."""
    for path, count in _LINES.items():
        lines = [f"value_{number} = {number}" for number in range(count)]
        for number in range(_TODOS.get(path, 0)):
            lines[number + 3] = f"# TODO: number {number}"
        _write(folder / path, "\n".join(lines) + "\n")
    for path, text in _NOTES.items():
        _write(folder / path, text)
    _write(folder / "data/sales.csv", _SALES)
    _write(folder / "data/staff.json", json.dumps(_STAFF, indent=1))
    _write(folder / "data/stock.csv", "item,count,price\nLamp,14,20\nChair,3,85.5\nDesk,0,320\n")
    _write(folder / "logs/app.log", _APP_LOG)
    _write(folder / "logs/worker.log", _WORKER_LOG)
    _write(folder / "logs/events.jsonl", "".join(json.dumps(event) + "\n" for event in _EVENTS))
    access = [
        f'{host} - - [01/Mar/2025:{clock} +0000] "{request} HTTP/1.1" {status} {size} "-" "curl/8"'
        for host, clock, request, status, size in _REQUESTS
    ]
    _write(folder / "logs/access.log", "\n".join(access) + "\n")
    _write(folder / "big.bin", "0" * 3_000_000)
    os.utime(folder / "notes/old/draft.txt", (1_000_000_000, 1_000_000_000))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
