"""Workflow files: what they mean, and what is said about those that mean nothing."""

from pathlib import Path
from textwrap import dedent

import pytest

from orrery.errors import WorkflowFileError
from orrery.graph import INPUTS, ITEM, Edge, Effects, Expr, Ref, Retry, Task, Template
from orrery.scheduler.events import Budget
from orrery.workflow import Workflow, load, loads


def workflow(text: str, folder: Path | str = ".") -> Workflow:
    return loads(dedent(text), shown="f.yaml", folder=folder)


def task(text: str, name: str = "t") -> Task:
    """The task `t` of a file with some others to refer to."""
    body = "".join(f"    {line}\n" for line in dedent(text).strip().splitlines())
    head = "inputs: {n: integer, names: array}\ntasks:\n  a: {run: ls}\n  b: {run: ls}\n  c: {run: ls}\n"
    return loads(f"{head}  {name}:\n{body}", shown="f.yaml").graph.tasks[name]


def problems(text: str, folder: Path | str = ".") -> list[str]:
    with pytest.raises(WorkflowFileError) as caught:
        workflow(text, folder)
    return [str(problem) for problem in caught.value.problems]


def test_a_file_becomes_a_workflow() -> None:
    made = workflow(
        """
        name: count
        description: Count lines.
        budget: {money: 2.5, tokens: 1000, wall: 10m}
        inputs:
          pattern: {default: "*.py", description: Which files.}
        tasks:
          find: {uses: files.glob, with: {pattern: "${{ inputs.pattern }}"}}
          count: {uses: text.count, with: {text: "${{ item }}"}, for-each: "${{ tasks.find }}"}
        outputs:
          counts: ${{ tasks.count }}
          note: found ${{ tasks.find[0] }}
        """
    )
    assert (made.name, made.description, made.source) == ("count", "Count lines.", "f.yaml")
    assert made.budget == Budget(2.5, 1000, 600.0)
    assert made.inputs["pattern"].type == "string"
    assert made.graph.tasks["find"].args == {"pattern": Ref(INPUTS, ("pattern",))}
    count = made.graph.tasks["count"]
    assert count.each is not None
    assert count.each.over == Ref("find")
    assert count.args == {"text": Ref(ITEM)}
    assert made.graph.outputs == {"counts": Ref("count"), "note": Template(("found ", Ref("find", (0,))))}


def test_a_tool_brings_its_executor_effects_and_limits() -> None:
    made = task("uses: files.read\nwith: {path: x.txt}")
    assert made.op == "files.read"
    assert made.executor == "thread"
    assert made.effects.reads == ("file:x.txt",)


@pytest.mark.parametrize(
    ("needs", "edges"),
    [
        ("needs: a", [Edge("a", "t")]),
        ("needs: [a, b]", [Edge("a", "t"), Edge("b", "t")]),
        ("needs: {a: success, b: failure, c: completion}",
         [Edge("a", "t"), Edge("b", "t", "failure"), Edge("c", "t", "completion")]),
        ("needs: {a: result.status == 0}", [Edge("a", "t", Expr("result.status == 0"))]),
        ("after: [a, b]", [Edge("a", "t", hard=False), Edge("b", "t", hard=False)]),
        ("needs: a\nafter: a", [Edge("a", "t")]),
    ],
)  # fmt: skip
def test_needs_say_what_is_waited_for(needs: str, edges: list[Edge]) -> None:
    others = "tasks:\n  a: {run: ls}\n  b: {run: ls}\n  c: {run: ls}\n"
    made = workflow(f"{others}  t:\n    run: ls\n" + "\n".join(f"    {line}" for line in needs.splitlines()))
    assert list(made.graph.edges.values()) == edges


def test_needs_any_is_k_of_n() -> None:
    assert task("run: ls\nneeds: [a, b, c]\nneeds-any: 2").join == 2


def test_limits_are_read_with_their_units() -> None:
    limits = task(
        """
        run: ls
        retry: {attempts: 5, backoff: 250ms, factor: 3, max-backoff: 1h30m, jitter: 0, on: [OSError, http]}
        timeout: 90s
        deadline: 2
        resources: {gpu: 1}
        effects: pure
        hedge-after: 1.5m
        """
    ).limits
    assert limits.retry == Retry(5, 0.25, 3, 5400.0, 0, ("OSError", "http"))
    assert (limits.timeout_s, limits.deadline_s, limits.hedge_after_s) == (90.0, 2.0, 90.0)
    assert limits.resources == {"gpu": 1}


def test_defaults_hold_where_a_task_says_nothing_else() -> None:
    graph = workflow(
        """
        defaults: {retry: 4, timeout: 1m}
        tasks:
          a: {run: ls}
          b: {run: ls, retry: 1, timeout: 2m}
          c: {ask: Really?}
        """
    ).graph
    found = {t.id: (t.limits.retry and t.limits.retry.attempts, t.limits.timeout_s) for t in graph}
    assert found == {"a": (4, 60.0), "b": (1, 120.0), "c": (None, None)}  # a person is not hurried


def test_conditions_and_questions() -> None:
    made = task("ask: Deploy ${{ tasks.a.stdout }}?\nif: inputs.n > 3")
    assert (made.op, made.executor) == ("ask", "person")
    assert made.args == {"question": Template(("Deploy ", Ref("a", ("stdout",)), "?"))}
    assert made.when == Expr("inputs_n > 3", {"inputs_n": Ref(INPUTS, ("n",))})


def test_items_may_fail_one_by_one() -> None:
    made = task(
        """
        run: [wc, '${{ item.name }}', '${{ index }}']
        for-each: [{name: x}, '${{ tasks.a }}']
        continue-on-error: true
        """
    )
    assert made.each is not None
    assert made.each.accept_errors
    assert made.each.over == [{"name": "x"}, Ref("a")]


def test_effects_and_estimates_can_be_told() -> None:
    made = task(
        "run: ls\neffects: {kind: pure, reads: file:x}\nestimate: {time: 2m, money: 0.5, tokens: 7}\nlabel: List"
    )
    assert made.effects == Effects("pure", reads=("file:x",))
    assert (made.estimate.seconds, made.estimate.money, made.estimate.tokens, made.label) == (120.0, 0.5, 7, "List")


def test_python_functions_are_found_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "steps.py").write_text(
        "def double(n: int, by: int = 2) -> int: return n * by\nasync def later(): ...\n"
    )
    made = workflow(
        "tasks:\n  a: {uses: 'py:./steps.py:double', with: {n: 3}}\n  b: {uses: 'py:./steps.py:later'}", tmp_path
    )
    assert made.graph.tasks["a"].op == f"py:{tmp_path.resolve()}/steps.py:double"
    assert (made.graph.tasks["a"].executor, made.graph.tasks["b"].executor) == ("thread", "inline")
    said = problems(
        """
        tasks:
          a: {uses: 'py:./steps.py:dubble', with: {n: 3}}
          b: {uses: 'py:./steps.py:double', with: {m: 3}}
          c: {uses: 'py:./stepz.py:double'}
          d: {uses: 'py:nowhere_to_be_found:double'}
        """,
        tmp_path,
    )
    assert "f.yaml:3:13" in said[0]
    assert f"{tmp_path.resolve()}/steps.py has no 'dubble'" in said[0]
    assert "did you mean 'double'" in said[0]
    assert "argument 'n' is missing" in said[1]
    assert "has no argument 'm'" in said[2]
    assert "there is no Python file" in said[3]
    assert "there is no module 'nowhere_to_be_found'" in said[4]


def test_every_problem_is_reported_at_once_in_the_order_of_the_lines() -> None:
    said = problems(
        """\
        input: {}
        tasks:
          a:
            uses: file.glb
            tiemout: 3
          b:
            uses: files.glob
            with: {patern: x, root: "${{ tasks.c.x + 1 }}"}
            needs: [a, cc]
          c:
            run: echo ${{ item }}
            if: inputs.x > 3
            timeout: -3
          d: {}
          e: {run: ls, ask: really}
          f: {run: ls, needs: {a: succes}}
          g: {run: ls, needs: [a, a], needs-any: 3}
          h: {run: ls, continue-on-error: true}
        """
    )
    assert [line.partition(": ")[0].removeprefix("f.yaml:") + " " + line[line.rindex("[") :] for line in said] == [
        "1:1 [workflow/unknown-key]",
        "4:11 [workflow/unknown-tool]",
        "5:5 [workflow/unknown-key]",
        "7:11 [workflow/argument]",
        "8:12 [workflow/argument]",
        "8:29 [workflow/reference]",
        "9:16 [workflow/unknown-task]",
        "11:10 [workflow/reference]",
        "12:9 [workflow/condition]",
        "13:14 [workflow/duration]",
        "14:6 [workflow/no-work]",
        "15:6 [workflow/no-work]",
        "16:27 [workflow/needs]",
        "17:27 [workflow/needs]",
        "17:42 [workflow/needs-any]",
        "18:16 [workflow/continue-on-error]",
    ]


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("tasks:\n  a: {run: ls, needs: b}\n  b: {run: ls, needs: a}", "f.yaml:", "wait for each other"),
        ("tasks:\n  a: {run: ls, needs: a}", "f.yaml:2:23", "cannot wait for itself"),
        ("tasks:\n  a: {run: 'echo ${{ tasks.a }}'}", "f.yaml:2:3", "refers to its own result"),
        ("tasks:\n  '@a': {run: ls}", "f.yaml:2:3", "does not begin with '@'"),
        ("tasks:\n  a: {run: ls, hedge-after: 3}", "f.yaml:2:3", "only a pure task can be hedged"),
        ("tasks:\n  a: {run: []}", "f.yaml:2:12", "the command is empty"),
        ("tasks:\n  a: {run: }", "f.yaml:2:", "a text is wanted here"),
        ("tasks: {}", "f.yaml:1:8", "there is no task in it"),
        ("tasks: [a]", "f.yaml:1:8", "a map is wanted here, not a list"),
        ("name: x", "f.yaml:1:1", "needs the key 'tasks'"),
        ("- a", "f.yaml:1:1", "a workflow is a map of keys, not a list"),
        ("tasks:\n  a: {run: ls, for-each: abc}", "f.yaml:2:26", "for-each needs a list"),
        ("tasks:\n  a: {run: ls, if: item > 0}", "f.yaml:2:20", "item"),
        ("tasks:\n  a: {run: ls}\noutputs: {x: '${{ tasks.b }}'}", "f.yaml:3:14", "there is no task 'b'"),
        ("inputs: {n: {type: integer, default: x}}\ntasks: {a: {run: ls}}", "f.yaml:1:38", "not of type integer"),
        ("inputs: {n: int}\ntasks: {a: {run: ls}}", "f.yaml:1:13", "not one of the words"),
        ("inputs: {n: {default: 1, required: true}}\ntasks: {a: {run: ls}}", "f.yaml:1:36", "yet has a default"),
        ("tasks:\n  a: {run: ls}\n  b: {run: ls}\n  t: {run: 'x ${{ tasks.b }}', needs: a, needs-any: 1}",
         "f.yaml:4:53", "also refers to 'b'"),
        ("tasks:\n  a: {uses: ./none.yaml}", "none.yaml", "cannot be read"),
        ("tasks:\n  a: {run: ls, effects: harmless}", "f.yaml:2:25", "pure"),
    ],
)  # fmt: skip
def test_bad_files_are_blamed_at_their_line(text: str, place: str, said: str) -> None:
    found = problems(text)
    assert any(line.startswith(place) and said in line for line in found), found


def test_a_missing_file_suggests_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "build.yaml").write_text("tasks: {a: {run: ls}}")
    assert load(tmp_path / "build.yaml").name == "build"
    with pytest.raises(WorkflowFileError, match=r"did you mean 'build.yaml'"):
        load(tmp_path / "biuld.yaml")
    with pytest.raises(WorkflowFileError, match="directory"):
        load(tmp_path)


def test_three_thousand_tasks_load() -> None:
    lines = [f"  t{n}: {{uses: text.lines, with: {{text: '${{{{ tasks.t{n - 1} }}}}'}}}}" for n in range(1, 3_000)]
    graph = loads("\n".join(["tasks:", "  t0: {run: ls}", *lines])).graph
    assert len(graph) == 3_000
