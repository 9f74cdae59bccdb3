"""YAML documents: read as data only, with places, and cheaply whatever they hold."""

import time
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from orrery.errors import WorkflowFileError
from orrery.workflow.document import MAX_FILE_BYTES, Mapping, Report, plain, read_document


def read(text: str | bytes) -> Any:
    report = Report("f.yaml")
    tree = read_document(text.encode() if isinstance(text, str) else text, report)
    if report.problems:
        raise report.error()
    return plain(tree)


def problem(text: str | bytes) -> str:
    with pytest.raises(WorkflowFileError) as caught:
        read(text)
    (found,) = caught.value.problems
    return str(found)


# The other library writes some control characters in a way that nobody reads back, itself included.
words = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Zl", "Zp")), max_size=9)
data = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=20,
)


@given(data)
def test_what_another_library_wrote_is_read_back(value: Any) -> None:
    text = yaml.safe_dump(value, allow_unicode=True)
    if "<<" not in text:
        assert read(text) == value


def test_scalars_follow_yaml_1_2() -> None:
    words = "[yes, on, off, 12:30, 2024-01-01, 010, 0o10, 0x1F, true, null, ~, .inf, 1e3, '3', \"true\", 1_000]"
    assert read(words) == [
        "yes", "on", "off", "12:30", "2024-01-01", 10, 8, 31, True, None, None, float("inf"), 1000.0, "3", "true",
        "1_000",
    ]  # fmt: skip


def test_core_tags_are_read() -> None:
    assert read("[!!str 3, !!int '3', !!float '2', !!bool 'true', !!null '']") == ["3", 3, 2.0, True, None]


@pytest.mark.parametrize("tag", ["!!python/object/apply:os.system ['true']", "!mine 3", "!!binary eA==", "!!set {a}"])
def test_other_tags_are_refused_where_they_stand(tag: str) -> None:
    assert problem(f"a:\n  b: {tag}\n").startswith("f.yaml:2:6: the tag")


def test_aliases_repeat_what_their_anchor_holds() -> None:
    assert read("a: &x [1, {b: 2}]\nc: *x") == {"a": [1, {"b": 2}], "c": [1, {"b": 2}]}


@pytest.mark.parametrize("levels", [9, 60])
def test_a_billion_laughs_are_refused_at_once(levels: int) -> None:
    lines = ["l0: &l0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    lines += [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, levels)]
    began = time.process_time()
    assert "more than 1,000,000 values" in problem("\n".join(lines))
    assert time.process_time() - began < 1


def test_a_chain_of_aliases_cannot_be_deeper_than_anything_else() -> None:
    lines = ["- &l0 [x]", *(f"- &l{n} [*l{n - 1}]" for n in range(1, 50_000))]
    assert "nested more than 100 levels" in problem("\n".join(lines))


def test_deep_nesting_is_refused_without_recursion() -> None:
    assert "nested" in problem("[" * 200 + "]" * 200)
    problem("[" * 500_000)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"a: b\nc: \xff\n", "f.yaml:2:4: it is not UTF-8"),
        (b"", "f.yaml:1:1: the file is empty"),
        (b"# only a comment\n", "f.yaml:1:1: the file is empty"),
        (b"a: [1\nb: 2\n", "f.yaml:2:"),
        (b"a: 1\n\tb: 2\n", "f.yaml:2:1"),
        (b"a: 1\n---\nb: 2\n", "f.yaml:3:1: a second document"),
        (b"a: 1\nb: 2\na: 3\n", "f.yaml:3:1: 'a' stands here twice (first in line 1)"),
        (b"? [x]\n: 1\n", "a key must be a single text"),
        (b"a: *nowhere\n", "f.yaml:1:4"),
        (b"a: &a [*a]\n", "f.yaml:1:8: &a would contain itself"),
        (b"a: &a {b: 1}\nc:\n  <<: *a\n", "f.yaml:3:3: merge keys"),
        (b"a: \x00\n", "the YAML cannot be read"),
        (b"a: !!int x\n", "f.yaml:1:4: 'x' is no int"),
        (b" " * (MAX_FILE_BYTES + 1), "at most 10,000,000 bytes"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_place(text: bytes, said: str) -> None:
    assert said in problem(text)


def test_a_byte_order_mark_is_no_part_of_the_first_key() -> None:
    assert read(b"\xef\xbb\xbfa: 1") == {"a": 1}


def test_every_node_knows_its_place() -> None:
    tree = read_document(b"a:\n  b: [1,\n    2]\n", Report("f"))
    assert isinstance(tree, Mapping)
    inner = tree.entries["a"][1]
    assert isinstance(inner, Mapping)
    items = inner.entries["b"][1]
    assert (items.line, items.column) == (2, 6)
