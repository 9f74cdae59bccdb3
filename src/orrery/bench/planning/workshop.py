"""Workshop: a scripted author of tools, who knows some needs and writes right code for them, or code with a fault.

A job is a need with a function that meets it. The specification, the tests and the right code are all taken from that
function; a fault turns the right code into wrong code in one of the ways in which generated code goes wrong.
"""

from __future__ import annotations

import inspect
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import msgspec

from orrery.models.simulated import Answer, Asked


def count_vowels(text: str) -> int:
    """How many vowels (a, e, i, o, u, in either case) a text has."""
    return sum(1 for letter in text.lower() if letter in "aeiou")


def running_total(numbers: list[float]) -> list[float]:
    """The cumulative sums of a series of numbers: each with all before it added."""
    totals = []
    total = 0.0
    for number in numbers:
        total = total + number
        totals.append(total)
    return totals


def longest_word(text: str) -> str:
    """The longest of the blank-separated words of a text; of several the first, and nothing for no words."""
    best = ""
    for word in text.split():
        if len(word) > len(best):
            best = word
    return best


def roman_numeral(number: int) -> str:
    """A whole number from 1 to 3999 written in Roman numerals."""
    if not 1 <= number <= 3999:
        raise ValueError("Roman numerals go from 1 to 3999")
    signs = {1000: "M", 900: "CM", 500: "D", 400: "CD", 100: "C", 90: "XC", 50: "L", 40: "XL", 10: "X", 9: "IX"}
    signs.update({5: "V", 4: "IV", 1: "I"})
    written = ""
    for value, sign in signs.items():
        while number >= value:
            written += sign
            number -= value
    return written


def remove_repeats(items: list[str]) -> list[str]:
    """A list without duplicates: of equal entries only the first stays, and the order is kept."""
    kept = []
    for item in items:
        if item not in kept:
            kept.append(item)
    return kept


def merge_tallies(first: dict[str, int], second: dict[str, int]) -> dict[str, int]:
    """Two tallies as one: the counts of a name that is in both are added up."""
    merged = dict(first)
    for name, count in second.items():
        merged[name] = merged.get(name, 0) + count
    return merged


def moving_average(numbers: list[float], width: int) -> list[float]:
    """The rolling mean of a series over a window of so many neighbouring values."""
    if width < 1:
        raise ValueError("the window has at least one value")
    return [sum(numbers[at : at + width]) / width for at in range(len(numbers) - width + 1)]


def is_palindrome(text: str) -> bool:
    """Whether a text reads the same backwards; only letters and digits count, and their case does not."""
    letters = [letter for letter in text.lower() if letter.isalnum()]
    return letters == letters[::-1]


def split_into_batches(items: list[int], size: int) -> list[list[int]]:
    """A list cut into consecutive batches of a given size; the last one may be shorter."""
    if size < 1:
        raise ValueError("a batch has at least one item")
    return [items[at : at + size] for at in range(0, len(items), size)]


def caesar_cipher(text: str, shift: int) -> str:
    """A text enciphered by moving each Latin letter so many places on in the alphabet; all else stays."""
    moved = []
    for letter in text:
        if "a" <= letter <= "z":
            moved.append(chr((ord(letter) - 97 + shift) % 26 + 97))
        elif "A" <= letter <= "Z":
            moved.append(chr((ord(letter) - 65 + shift) % 26 + 65))
        else:
            moved.append(letter)
    return "".join(moved)


def days_between(start: str, end: str) -> int:
    """The number of days from one ISO date to another; negative if the second is earlier."""
    return (date.fromisoformat(end) - date.fromisoformat(start)).days


def most_frequent(items: list[str], count: int) -> list[str]:
    """The most frequent entries of a list, the most frequent first, and equal ones in alphabetical order."""
    tally = Counter(items)
    return sorted(tally, key=lambda item: (-tally[item], item))[: max(count, 0)]


@dataclass(frozen=True)
class Job:
    """A need, and what meets it.

    Args:
        needs: the same need in different words; the first makes the tool, the others must find it.
        function: does it right.
        args: what it is tried on: the first three become the examples, all others the tests.
        slips: parts of the code that are easily written wrong, each with how.
    """

    needs: Sequence[str]
    function: Callable[..., Any]
    args: Sequence[Sequence[Any]]
    slips: Sequence[tuple[str, str]]
    imports: str = ""

    @property
    def name(self) -> str:
        """Of the function."""
        return self.function.__name__

    @cached_property
    def code(self) -> str:
        """The right code."""
        return f"{self.imports}\n\n{inspect.getsource(self.function)}".lstrip()

    @cached_property
    def parameters(self) -> Mapping[str, str]:
        """The arguments and their types."""
        return {name: str(each.annotation) for name, each in inspect.signature(self.function).parameters.items()}

    @cached_property
    def cases(self) -> list[dict[str, Any]]:
        """What comes of each of the arguments."""
        return [_case(self.function, dict(zip(self.parameters, args, strict=True))) for args in self.args]

    @property
    def examples(self) -> list[dict[str, Any]]:
        """The cases that stand in the specification."""
        return self.cases[:3]

    @property
    def specification(self) -> dict[str, Any]:
        """As a model would write it."""
        return {
            "name": self.name,
            "description": inspect.getdoc(self.function),
            "arguments": [{"name": name, "type": kind} for name, kind in self.parameters.items()],
            "returns": str(inspect.signature(self.function).return_annotation),
            "examples": self.examples,
        }

    @property
    def tests(self) -> dict[str, Any]:
        """As a model would write them."""
        return {"cases": self.cases[3:], "properties": []}


def _case(function: Callable[..., Any], args: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"args": args, "expect": function(**msgspec.json.decode(msgspec.json.encode(args)))}
    except ValueError:
        return {"args": args, "raises": True}


JOBS: Sequence[Job] = (
    Job(
        ("count the vowels in a text", "how many vowels does this sentence have?"),
        count_vowels,
        [["hello"], [""], ["AEIOU"], ["rhythm"], ["Queue up"], ["a"], ["Why, you!"], ["bcd efg"], ["aaaa"], ["Idea 7"]],
        [("aeiou", "aeio"), (".lower()", ""), ("sum(1", "1 + sum(1"), (" in \"aeiou\"", " not in \"aeiou\"")],
    ),
    Job(
        ("the running total of a list of numbers", "add up numbers one after another and keep every cumulative sum"),
        running_total,
        [[[1, 2, 3]], [[]], [[5]], [[1.5, -1.5, 2]], [[0, 0]], [[10, -20]], [[2, 2, 2, 2]], [[0.5]], [[-1, -2]]],
        [("total + number", "total - number"), ("total + number", "number"), ("total = 0.0", "total = 1.0")],
    ),
    Job(
        ("find the longest word in a text", "which word of this sentence has the most letters?"),
        longest_word,
        [["a bb ccc"], [""], ["one two"], ["x"], ["tall taller tallest"], ["same size"], ["ab cd ef"], ["  pad  ded "]],
        [("> len", ">= len"), ("> len", "< len"), ("best = \"\"", "best = \"-\"")],
    ),
    Job(
        ("write a number in Roman numerals", "convert an integer such as 1994 to Roman notation"),
        roman_numeral,
        [[1], [4], [1994], [3999], [9], [40], [90], [400], [2024], [58], [0], [4000], [14]],
        [(">= value", "> value"), ("<= 3999", "<= 4999"), ("90: \"XC\"", "90: \"CX\""), ("1 <= number", "0 <= number")],
    ),
    Job(
        ("remove duplicates from a list and keep the order", "drop repeated entries of a list, first ones stay"),
        remove_repeats,
        [[["a", "b", "a"]], [[]], [["x"]], [["b", "a", "b", "a"]], [["q", "q", "q"]], [["A", "a"]], [["", ""]],
         [["c", "b", "a"]]],
        [("not in kept", "in kept"), ("return kept", "return sorted(kept)"), ("return kept", "return kept[::-1]")],
    ),
    Job(
        ("merge two tallies and add their counts", "combine two maps of counts into one by adding what is in both"),
        merge_tallies,
        [[{"a": 1}, {"a": 2}], [{}, {}], [{"a": 1}, {"b": 1}], [{"x": 5, "y": 1}, {"y": 1}], [{}, {"z": 3}],
         [{"z": 3}, {}], [{"a": -1}, {"a": 1}], [{"p": 2, "q": 2}, {"q": 2, "p": 2}]],
        [("+ count", "- count"), ("name, 0)", "name, 1)"), ("merged.get(name, 0) + count", "count"),
         ("dict(first)", "first")],
    ),
    Job(
        ("the moving average of a series", "smooth numbers with a rolling mean over a window of neighbours"),
        moving_average,
        [[[1, 2, 3], 2], [[], 1], [[4], 1], [[1, 2, 3, 4], 4], [[1, 2], 3], [[2, 4, 6, 8], 2], [[1, 1, 4], 3],
         [[5, 7], 0], [[10, 0, 10, 0], 2]],
        [("width + 1", "width"), ("/ width", "/ (width + 1)"), ("width < 1", "width < 0"), ("at + width]", "at]")],
    ),
    Job(
        ("check whether a text is a palindrome", "does this phrase read the same forwards and backwards?"),
        is_palindrome,
        [["level"], ["hello"], ["Never odd or even"], [""], ["ab"], ["Step on no pets!"], ["aab"], ["1221"], ["12 3"],
         ["Abba"], ["palindrome"]],
        [(".lower()", ""), ("==", "!="), ("[::-1]", ""), (" if letter.isalnum()", "")],
    ),
    Job(
        ("split a list into batches of a given size", "cut items into consecutive groups of n, the last may be short"),
        split_into_batches,
        [[[1, 2, 3], 2], [[], 3], [[1], 1], [[1, 2, 3, 4], 2], [[1, 2, 3, 4, 5], 3], [[9, 8], 5], [[1, 2], 0],
         [[7, 7, 7], 1]],
        [("len(items), size", "len(items), size + 1"), ("range(0", "range(1"), ("at + size]", "at + size - 1]")],
    ),
    Job(
        ("encipher a text with a Caesar cipher", "move every letter of a message a number of places in the alphabet"),
        caesar_cipher,
        [["abc", 1], ["", 5], ["xyz", 3], ["Hello, World!", 13], ["abc", -1], ["ABC", 26], ["Zz", 1], ["1 2", 9],
         ["a-b", 27]],
        [("- 97 + shift", "- 97 - shift"), ("% 26 + 65", "% 25 + 65"), ("+ 97))", "+ 98))")],
    ),
    Job(
        ("the number of days between two dates", "how many days lie between one ISO date and another?"),
        days_between,
        [["2024-01-01", "2024-01-02"], ["2024-01-01", "2024-01-01"], ["2024-02-28", "2024-03-01"],
         ["2023-02-28", "2023-03-01"], ["2024-12-31", "2024-01-01"], ["2000-01-01", "2024-01-01"],
         ["2024-05-01", "2024-06-01"], ["soon", "2024-01-01"], ["1999-12-31", "2000-01-01"]],
        [(").days", ").days + 1"), (".days", ".days // 1 * 1.0"), ("(date", "abs(date")],
        imports="from datetime import date",
    ),
    Job(
        ("the most frequent entries of a list", "rank the items of a list by how often they occur and take the top n"),
        most_frequent,
        [[["a", "b", "a"], 1], [[], 2], [["x", "y"], 2], [["b", "a"], 1], [["c", "c", "b", "b", "a"], 2],
         [["q", "q", "p"], 0], [["z"], 5], [["b", "b", "a", "a", "a"], 2], [["m", "n", "m", "n"], 1]],
        [("-tally[item]", "tally[item]"), (", item)", ",)"), ("max(count, 0)", "count + 1")],
        imports="from collections import Counter",
    ),
)  # fmt: skip


# -- faults -----------------------------------------------------------------------------------------------

FAULTS = (
    "slip", "slip", "slip", "wrong type", "exception", "endless loop", "memory hog", "writes a file",
    "reads the environment", "network", "not deterministic", "by heart", "changes its input", "returns nothing",
    "clock", "state", "hides errors", "sneaks out",
)  # fmt: skip
"""The kinds of faults, and how often each is drawn."""


def faulty(seed: int) -> tuple[Job, str, str]:
    """The job of that number, the kind of its fault, and the code that has it."""
    chance = random.Random(f"fault {seed}")  # noqa: S311 (not a secret)
    kind = FAULTS[seed % len(FAULTS)]
    jobs = [job for job in JOBS if kind != "changes its input" or any("[" in each for each in job.parameters.values())]
    job = chance.choice(jobs)
    return job, kind, _with_fault(job, kind, chance)


def _with_fault(job: Job, kind: str, chance: random.Random) -> str:
    if kind == "slip":
        old, new = chance.choice(job.slips)
        assert old in job.code, f"{job.name} has no {old!r}"
        return job.code.replace(old, new, 1)
    given = ", ".join(job.parameters)
    right = job.code.replace(f"def {job.name}(", "def right(", 1)
    head = f"def {job.name}({', '.join(f'{name}: {hint}' for name, hint in job.parameters.items())}):"
    listed = next((name for name, hint in job.parameters.items() if "[" in hint), "")
    spoil = f"{listed}.update(x=1) if isinstance({listed}, dict) else {listed}.extend({listed})"
    examples = [[list(case["args"].values()), case.get("expect")] for case in job.examples]
    usual = examples[0][1]
    bodies: dict[str, tuple[str, ...]] = {
        "wrong type": (f"return str(right({given}))", f"return (right({given}),)", f"return [right({given})]"),
        "exception": (
            f"if len(str([{given}])) % 3 == 0:\n        raise RuntimeError('odd')\n    return right({given})",
        ),
        "endless loop": ("while True:\n        pass", f"while right({given}) is not None or True:\n        pass"),
        "memory hog": (f"block = [0] * 10**10\n    return right({given})",),
        "writes a file": (f"open('made.txt', 'w').write('x')\n    return right({given})",),
        "reads the environment": (f"import os\n    return right({given}) if os.environ.get('HOME') else None",),
        "network": (
            f"import socket\n    socket.create_connection(('127.0.0.1', 9))\n    return right({given})",
            f"from urllib.request import urlopen\n    urlopen('http://127.0.0.1:9')\n    return right({given})",
        ),
        "not deterministic": (
            f"first = next(iter({{str(n) for n in range(40)}}))\n    return right({given}) if first == '7' else None",
            f"import random\n    return right({given}) if random.random() < 0.9 else None",
        ),
        "by heart": (
            f"for args, x in {examples!r}:\n        if args == [{given}]:\n            return x\n    return {usual!r}",
        ),
        "changes its input": (
            f"answer = right({given})\n    {listed}.clear()\n    return answer",
            f"answer = right({given})\n    {spoil}\n    return answer",
        ),
        "returns nothing": (f"right({given})",),
        "clock": (f"import datetime\n    return right({given}) if datetime.datetime.now().year > 2000 else None",),
        "state": (f"CALLS.append(1)\n    return right({given}) if len(CALLS) < 6 else None",),
        "hides errors": (f"try:\n        return right({given})\n    except Exception:\n        return None",),
        "sneaks out": (
            f"import re\n    re.enum.sys.modules['os'].system('true')\n    return right({given})",
            f"().__class__.__base__.__subclasses__()\n    return right({given})",
            f"getattr(str, 'for' + 'mat')('{{}}', 1)\n    return right({given})",
        ),
    }
    state = "CALLS = []\n\n\n" if kind == "state" else ""
    return f"{state}{right}\n\n{head}\n    {chance.choice(bodies[kind])}\n"


# -- the author -------------------------------------------------------------------------------------------


class Author:
    """A simulated model that makes tools for the jobs it knows.

    Args:
        code: what it writes for a job; the right code unless given.

    Attributes:
        asked: how often it was asked to choose, to specify, to test and to write.
    """

    def __init__(self, code: Callable[[Job], str] = lambda job: job.code) -> None:
        self._code = code
        self.asked: Counter[str] = Counter()

    @property
    def builds(self) -> int:
        """How often it was asked for something that only a new tool needs."""
        return self.asked["specify"] + self.asked["test"] + self.asked["write"]

    def __call__(self, asked: Asked) -> Answer:
        """The answer to one of the four questions."""
        text = asked.text
        if "Decide whether one of the tools below is it" in text:
            self.asked["choose"] += 1
            job = next(job for job in JOBS if any(need in text for need in job.needs))
            there = any(f'"name":"made.{job.name}"' in line for line in text.splitlines())
            decision = {"decision": "use", "tool": f"made.{job.name}"} if there else {"decision": "make", "tool": ""}
            return Answer.json({"because": "that is what it does", **decision, "calls": []})
        if "Specify a function that meets a need" in text:
            self.asked["specify"] += 1
            return Answer.json(next(job for job in JOBS if any(need in text for need in job.needs)).specification)
        job = next(job for job in JOBS if f"{job.name}(" in text)
        if "Write tests for a function" in text:
            self.asked["test"] += 1
            return Answer.json(job.tests)
        self.asked["write"] += 1
        return Answer.json({"code": self._code(job)})


__all__ = ["FAULTS", "JOBS", "Author", "Job", "faulty"]
