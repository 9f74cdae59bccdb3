"""Shell scripts with references: what a result holds is data to the shell, wherever it stands."""

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orrery.graph import Ref
from orrery.graph.resolve import resolve
from orrery.workflow import loads
from orrery.workflow.references import ReferenceSyntax
from orrery.workflow.scripts import script_arguments, with_variables

HOSTILE = "x\"; echo 'pwned' $(echo pwned) `echo pwned` \\ * ${HOME} \n&"


def output(*parts: str | Ref, value: str = HOSTILE) -> str:
    script, variables = with_variables(parts)
    env = {name: resolve(template, lambda _ref: value) for name, template in variables.items()}
    done = subprocess.run(["/bin/sh", "-c", script], env=env, capture_output=True, check=True)
    return done.stdout.decode()


@pytest.mark.parametrize(("before", "after"), [("", ""), ('"', '"'), ("'", "'"), ("# it's a comment\nprintf %s ", "")])
def test_a_hostile_value_is_printed_as_it_is(before: str, after: str) -> None:
    lead = "" if before.startswith("#") else "printf %s "
    assert output(f"{lead}{before}", Ref("a"), after) == HOSTILE


def test_quotes_before_a_reference_are_followed() -> None:
    assert output('printf %s \'a"b\'"it\'s \\"" ', value="v") == 'a"bit\'s "'
    assert output("printf %s 'a'\"b'", Ref("a"), "'c\"", value="v w") == "ab'v w'c"
    assert output('printf %s \\"', Ref("a"), value="v w") == '"v w'
    assert output("printf %s a#'", Ref("a"), "'", value="v") == "a#v"


@settings(max_examples=30)
@given(st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_any_value_arrives_unchanged(value: str) -> None:
    assert output("printf %s ", Ref("a"), value=value) == value
    assert output("printf %s '", Ref("a"), "'", value=value) == value


def test_one_reference_is_one_variable() -> None:
    script, variables = with_variables(("echo ", Ref("a"), " ", Ref("b"), " ", Ref("a")))
    assert script == 'echo "${ORRERY_1}" "${ORRERY_2}" "${ORRERY_1}"'
    assert list(variables) == ["ORRERY_1", "ORRERY_2"]


def test_a_script_stops_at_its_first_failure() -> None:
    script = script_arguments("false\necho on", {"cwd": "x"})
    assert script["cwd"] == "x"
    assert subprocess.run(["/bin/sh", "-c", script["script"]], check=False, capture_output=True).stdout == b""


def test_variables_join_those_of_the_file() -> None:
    made = loads("inputs: {n: any}\ntasks:\n  t: {run: 'echo ${{ inputs.n }} $A', with: {env: {A: b}}}").graph.tasks[
        "t"
    ]
    assert made.op == "shell.script"
    assert list(made.args["env"]) == ["A", "ORRERY_1"]
    with pytest.raises(ReferenceSyntax, match="written out as a map"):
        script_arguments(Ref("a"), {"env": Ref("b")})


def test_every_item_of_a_list_is_one_argument() -> None:
    made = loads("tasks:\n  a: {run: ls}\n  t: {run: [echo, 3, true, '${{ tasks.a }}']}").graph.tasks["t"]
    assert made.op == "shell.run"
    assert resolve(made.args, lambda _ref: [1, "b c"]) == {"command": ["echo", "3", "true", '[1,"b c"]']}
