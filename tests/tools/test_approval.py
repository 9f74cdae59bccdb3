"""The default policy: what happens by itself, what is asked for, what never happens, and what it says of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

import pytest

from orrery.errors import Failure
from orrery.graph import Expr, Graph, Patch, Ref, Task, Template
from orrery.tools import Tool, tool, tools
from orrery.tools.approval import Verdict, asked_first, is_no, judge, said_yes


def of(folder: Path, name: str, **args: Any) -> Verdict:
    return judge(tools.get(name), args, folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run's folder with a file, a folder and a repository in it, and something beside it."""
    work = tmp_path / "work"
    (work / "sub").mkdir(parents=True)
    (work / ".git").mkdir()
    (work / "old.txt").write_text("here already")
    (tmp_path / "beside.txt").write_text("not of this run")
    return work


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("text.count", {"text": "a"}),
        ("files.read", {"path": "old.txt"}),
        ("files.read", {"path": "../beside.txt"}),
        ("files.read", {"path": Ref("earlier")}),
        ("files.glob", {"pattern": "**/*.py"}),
        ("files.glob", {"pattern": "sub/.*", "hidden": True}),
        ("data.query", {"sql": "SELECT 1"}),
        ("http.get", {"url": "https://example.org/a"}),
        ("metrics.snapshot", {}),
        ("files.write", {"path": "new.txt", "content": Ref("earlier")}),
        ("files.write", {"path": "sub/deeper/new.txt", "content": "x"}),
        ("files.copy", {"source": "old.txt", "target": "sub"}),
        ("chart.bar", {"values": {"a": 1.0}, "path": "bars.svg"}),
        ("http.download", {"url": "https://example.org/a", "path": "a.bin"}),
    ],
)
def test_reading_computing_and_new_files_inside_the_folder_are_allowed(
    folder: Path, name: str, args: dict[str, Any]
) -> None:
    verdict = of(folder, name, **args)
    assert verdict.word == "allow", verdict


@pytest.mark.parametrize(
    ("name", "args", "because"),
    [
        ("files.write", {"path": "old.txt", "content": ""}, "it replaces 'old.txt', which exists"),
        ("files.write", {"path": "../new.txt", "content": ""}, "'../new.txt' lies outside the run's folder"),
        (
            "files.write",
            {"path": ".git/hooks/pre-commit", "content": ""},
            "is hidden, and such files may be run",
        ),
        ("files.write", {"path": "sub/.envrc", "content": ""}, "is hidden"),
        ("files.write", {"path": Ref("earlier"), "content": ""}, "writes a file whose name is not known yet"),
        ("files.write", {"path": Template(("out/", Ref("a"))), "content": ""}, "a file whose name is not known"),
        ("files.copy", {"source": "old.txt", "target": "old.txt"}, "it replaces 'old.txt'"),
        ("files.copy", {"source": Ref("a"), "target": "sub"}, "it replaces 'sub'"),
        ("files.append", {"path": "new.txt", "content": ""}, "files.append must not be done twice"),
        ("files.remove", {"path": "old.txt"}, "it removes 'old.txt'"),
        ("files.remove", {"path": Ref("a")}, "it removes a file whose name is not known yet"),
        ("http.post", {"url": "https://example.org/a"}, "it sends something to https://example.org/a"),
        ("http.post", {"url": Ref("a")}, "it sends something to an address that is not known yet"),
        ("http.get", {"url": Ref("a")}, "it fetches from an address that is not known yet"),
        ("http.request", {"method": "DELETE", "url": "https://example.org/"}, "it sends something"),
        ("shell.run", {"command": ["rm", "-r", "a  b"]}, "runs a program, which may do anything: rm -r a b"),
        ("shell.script", {"script": Ref("a")}, "runs a program, which may do anything: one that is not known yet"),
        ("agent.run", {"goal": "x", "approve": "yes"}, "may then do, without asking,"),
        ("agent.run", {"goal": "x", "approve": Ref("a")}, "may then do, without asking,"),
        ("plan", {"planner": "llm", "goal": {"text": "x", "approve": "yes"}}, "may then do, without asking,"),
        ("python.run", {"code": "1 + 1"}, "runs a program, which may do anything: 1 + 1"),
    ],
)
def test_what_replaces_removes_leaves_runs_or_sends_is_asked_for(
    folder: Path, name: str, args: dict[str, Any], because: str
) -> None:
    verdict = of(folder, name, **args)
    assert verdict.word == "ask"
    assert because in verdict.because


@pytest.mark.parametrize(
    ("name", "args", "because"),
    [
        ("files.read", {"path": "~/.ssh/id_ed25519"}, "lies in '.ssh', where keys are kept"),
        ("files.read", {"path": "sub/../.SSH/config"}, "lies in '.ssh'"),
        ("files.read", {"path": ".orrery/runs.db"}, "is Orrery's own store"),
        ("files.glob", {"pattern": ".ssh/*", "root": "~"}, "lies in '.ssh'"),
        ("data.query", {"sql": "SELECT 1", "tables": {"t": "~/.aws/credentials"}}, "lies in '.aws'"),
        ("files.read", {"path": "/etc/shadow"}, "holds the passwords of this machine"),
        ("files.read", {"path": "/proc/self/environ"}, "shows the inside of a process"),
        ("files.copy", {"source": "~/.ssh/id_rsa", "target": "key"}, "lies in '.ssh'"),
        ("files.read", {"path": "sub/id_ed25519"}, "lies in 'id_ed25519'"),
        ("files.read", {"path": ".env"}, "lies in '.env'"),
        ("files.read", {"path": "~/.config/gh/hosts.yml"}, "lies where keys are kept"),
        ("data.query", {"sql": "SELECT 1", "tables": {"t": "~/.[s]*/x.csv"}}, "lies in '.[s]*'"),
        ("http.get", {"url": "http://169.254.169.254/latest"}, "hands out this machine's keys"),
        ("http.get", {"url": "http://169.254.169.254./latest"}, "hands out this machine's keys"),
        ("http.get", {"url": "http://2852039166/"}, "hands out this machine's keys"),
        ("http.get", {"url": "http://0xa9.0376.43518:80/"}, "hands out this machine's keys"),
        ("http.get", {"url": "http://[::ffff:a9fe:a9fe]/"}, "hands out this machine's keys"),
        ("http.get", {"url": "http://user@METADATA.google.internal./x"}, "hands out this machine's keys"),
        ("http.post", {"url": "http://metadata.google.internal"}, "hands out this machine's keys"),
        ("files.write", {"path": "~/.ssh/authorized_keys", "content": ""}, "lies in '.ssh'"),
        ("files.write", {"path": ".orrery/runs.db", "content": ""}, "is Orrery's own store"),
        ("files.append", {"path": "~/.netrc", "content": ""}, "lies in '.netrc'"),
        ("files.write", {"path": "a\0b", "content": ""}, "cannot be a path here"),
        ("files.remove", {"path": ".", "recursive": True}, "'.' is the run's own folder, or holds it"),
        ("files.remove", {"path": "sub/../..", "recursive": True}, "is the run's own folder, or holds it"),
        ("files.remove", {"path": "/", "recursive": True}, "'/' is the run's own folder, or holds it"),
        ("files.remove", {"path": "~", "recursive": True}, "'~' is the home folder, or holds it"),
    ],
)
def test_keys_the_store_and_the_ground_it_stands_on_are_refused(
    folder: Path, name: str, args: dict[str, Any], because: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = folder.parent / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    verdict = of(folder, name, **args)
    assert verdict.word == "refuse", verdict
    assert because in verdict.because


def test_links_are_followed_to_where_they_lead(folder: Path) -> None:
    (folder / "way-out").symlink_to("..")
    (folder / "keys").symlink_to(folder.parent / "home" / ".ssh")
    (folder / "dangling").symlink_to("sub/not-yet")
    (folder / "up").symlink_to("/")
    assert of(folder, "files.write", path="way-out/new.txt", content="").word == "ask"
    assert of(folder, "files.read", path="keys/id_rsa").word == "refuse"
    assert of(folder, "files.write", path="dangling", content="").word == "allow"
    assert of(folder, "files.remove", path="up").word == "refuse"


def test_a_user_without_a_home_is_judged_like_others(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless(_uid: int) -> NoReturn:
        raise KeyError("nobody knows that user")

    monkeypatch.delenv("HOME")
    monkeypatch.setattr("pwd.getpwuid", homeless)
    assert of(folder, "files.write", path="new.txt", content="").word == "allow"
    assert of(folder, "files.write", path="~/new.txt", content="").word == "refuse"


def test_a_run_may_work_in_a_folder_below_such_a_name(tmp_path: Path) -> None:
    folder = tmp_path / ".orrery" / "work"
    folder.mkdir(parents=True)
    assert of(folder, "files.write", path="new.txt", content="").word == "allow"
    assert of(folder, "files.read", path="../runs.db").word == "refuse"


def test_a_tool_is_judged_by_what_it_declares(folder: Path) -> None:
    def plain(value: int = 0) -> int:
        return value

    def made(**declared: Any) -> Tool[..., Any]:
        return tool(name="own.thing", **declared)(plain)

    assert judge(made(effects="pure"), {}, folder) == Verdict("allow", "own.thing only computes")
    assert judge(made(effects="idempotent"), {}, folder) == Verdict("allow", "own.thing only reads")
    assert judge(made(), {}, folder) == Verdict("ask", "own.thing may change something outside the run")
    assert judge(made(effects="once"), {}, folder) == Verdict("ask", "own.thing must not be done twice")
    lamp = made(effects="idempotent", writes=("lamp:kitchen",))
    assert judge(lamp, {}, folder) == Verdict("ask", "it changes lamp:kitchen")
    assert judge(made(effects="idempotent", reads=("db:moons",)), {}, folder).because == "it only reads db:moons"
    notes = made(effects="idempotent", writes=("memory:{value}",))
    assert judge(notes, {"value": "run"}, folder).word == "allow"
    assert judge(notes, {"value": "user"}, folder).word == "ask"


def test_a_yes_beforehand_covers_every_question_and_no_refusal(folder: Path) -> None:
    agreed = said_yes(judge)
    write, remove = tools.get("files.write"), tools.get("files.remove")
    allowed = agreed(write, {"path": "old.txt", "content": ""}, folder)
    assert allowed == Verdict("allow", "yes was said beforehand; it replaces 'old.txt', which exists")
    assert agreed(write, {"path": "new.txt", "content": ""}, folder) == of(folder, "files.write", path="new.txt")
    assert agreed(remove, {"path": "/"}, folder).word == "refuse"


def test_what_is_asked_for_waits_for_the_answer_and_false_is_no_yes() -> None:
    edits = asked_first(Task("a", "files.remove", {"path": "x"}), "May it?", ask="a.ask")
    graph = Graph().apply(Patch(edits))
    assert (graph["a.ask"].executor, graph["a.ask"].args) == ("person", {"question": "May it?"})
    (edge,) = graph.incoming("a")
    assert edge.source == "a.ask"
    assert edge.on == Expr("result != false")
    assert [is_no(answer) for answer in (False, Failure("Denied", "no"), True, None, 0)] == [True, True, *[False] * 3]
