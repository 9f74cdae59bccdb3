"""References: read once, structurally, with messages that say what is wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orrery.errors import ExpressionError
from orrery.graph import INDEX, INPUTS, ITEM, Ref, Template
from orrery.workflow.references import ReferenceSyntax, Scope, read_condition, read_reference, read_text


@pytest.mark.parametrize(
    ("text", "ref"),
    [
        ("tasks.build", Ref("build")),
        ("tasks.my-build_2.files[0].name", Ref("my-build_2", ("files", 0, "name"))),
        ("tasks['odd id/x'][\"a key\"][-1]", Ref("odd id/x", ("a key", -1))),
        ("tasks.a.0", Ref("a", (0,))),
        ("inputs.n", Ref(INPUTS, ("n",))),
        ("inputs.größe.x", Ref(INPUTS, ("größe", "x"))),
        ("item", Ref(ITEM)),
        ("item.path", Ref(ITEM, ("path",))),
        ("index", Ref(INDEX)),
    ],
)
def test_references_are_read(text: str, ref: Ref) -> None:
    assert read_reference(f"  {text} ") == ref
    assert read_text("${{" + text + "}}") == ref


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("task.a", "did you mean 'tasks'"),
        ("", "begins with"),
        ("tasks", "write tasks.NAME"),
        ("inputs", "write inputs.NAME"),
        ("tasks.a + 1", "' + 1'"),
        ("tasks.a.upper()", "'()'"),
        ("secrets.x", "a reference begins with tasks, inputs, item or index"),
    ],
)
def test_what_is_no_reference_says_why(text: str, said: str) -> None:
    with pytest.raises(ReferenceSyntax) as caught:
        read_text("${{ " + text + " }}")
    assert said in str(caught.value)


def test_text_around_references_makes_a_template() -> None:
    assert read_text("a ${{ tasks.x }}-${{inputs.y}}") == Template(("a ", Ref("x"), "-", Ref(INPUTS, ("y",))))
    assert read_text("${{ item }}${{ index }}") == Template((Ref(ITEM), Ref(INDEX)))
    assert read_text(" ${{ item }}") == Template((" ", Ref(ITEM)))


def test_a_doubled_dollar_stands_for_itself() -> None:
    assert read_text("$${{ tasks.x }} costs $5") == "${{ tasks.x }} costs $5"
    assert read_text("$${{ and ${{ item }}") == Template(("${{ and ", Ref(ITEM)))


def test_an_open_reference_is_an_error() -> None:
    with pytest.raises(ReferenceSyntax, match="never closed"):
        read_text("echo ${{ tasks.x }")


@given(st.text())
def test_text_without_references_stays_what_it_is(text: str) -> None:
    if "${{" not in text:
        assert read_text(text) == text


def test_conditions_take_references_bare_or_in_braces() -> None:
    bare = read_condition("tasks.a-b.n > 3 and inputs.go and 'tasks.x' != \"item\"")
    assert bare.source == "tasks_a_b_n > 3 and inputs_go and 'tasks.x' != \"item\""
    assert bare.names == {"tasks_a_b_n": Ref("a-b", ("n",)), "inputs_go": Ref(INPUTS, ("go",))}
    assert read_condition("${{ inputs.go }}").names == {"inputs_go": Ref(INPUTS, ("go",))}
    braces = read_condition("${{ tasks.a.n }} > 3 or not (inputs.x in ['a', 'b'])")
    assert braces.evaluate({"tasks_a_n": 1, "inputs_x": "c"}) is True


def test_two_references_never_share_a_name() -> None:
    condition = read_condition("tasks.a.b == tasks['a_b'] and tasks.a.b != tasks['a-b']")
    assert sorted(map(repr, condition.names.values())) == ["Ref('a', ('b',))", "Ref('a-b')", "Ref('a_b')"]


def test_conditions_say_what_is_wrong() -> None:
    with pytest.raises(ReferenceSyntax, match=r"write inputs\.deploy or tasks\.deploy"):
        read_condition("deploy")
    with pytest.raises(ExpressionError, match="write 'and', 'or' and 'not'"):
        read_condition("inputs.a && inputs.b")
    with pytest.raises(ExpressionError, match="no function 'always'"):
        read_condition("always()")


def test_a_scope_knows_what_exists() -> None:
    scope = Scope(("build", "test"), ("n",))
    assert scope.fault(Ref("build")) is None
    assert "did you mean 'build'" in str(scope.fault(Ref("biuld")))
    assert "no input 'm'" in str(scope.fault(Ref(INPUTS, ("m",))))
    assert "for-each" in str(scope.fault(Ref(ITEM)))
    assert scope._replace(items=True).fault(Ref(ITEM)) is None
