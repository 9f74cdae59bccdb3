"""Code that wants out: every way round the screening that is known, and what is left of it behind the second fence."""

from __future__ import annotations

import asyncio

import pytest

from orrery.tools import LocalContext
from orrery.tools.made import Case, Specification
from orrery.tools.made.running import call_each
from orrery.tools.made.screening import screen

SPEC = Specification("tidy", "Tidies a text up.", {"text": "str"}, "str", (Case({"text": "a"}, "a"),))

FRAME = (
    "    room['_on_guard'] = False\n    room['_reached'] = []\n"
    "    room['os'].system('touch {place}')\n    return text\n"
)
ESCAPES = {
    "the frame of a generator": (
        "def tidy(text):\n    def walk():\n        yield walking.gi_frame.f_back\n    walking = walk()\n"
        "    room = next(walking).f_back.f_globals\n" + FRAME
    ),
    "the attributes of a class pattern": (
        "import json\ndef tidy(text):\n"
        "    match json:\n        case object(codecs=codecs): pass\n"
        "    match codecs:\n        case object(sys=system): pass\n"
        "    match system:\n        case object(_getframe=frame): pass\n"
        "    match frame(1):\n        case object(f_globals=room): pass\n" + FRAME
    ),
    "the positions of a class pattern": (
        "class Any(type):\n    def __instancecheck__(cls, other): return True\n"
        "class Walked(metaclass=Any):\n    __match_args__ = ('gi_frame',)\n"
        "def tidy(text):\n    def walk():\n        match walking:\n            case Walked(frame): yield frame\n"
        "    walking = walk()\n    next(walking)\n    return text\n"
    ),
    "operator.attrgetter": (
        "import json\nimport operator\ndef tidy(text):\n"
        "    room = operator.attrgetter('f_globals')(operator.attrgetter('codecs.sys._getframe')(json)(1))\n" + FRAME
    ),
    "operator.methodcaller": (
        "from operator import methodcaller\n"
        "def tidy(text):\n    methodcaller('__subclasses__')(object)\n    return text\n"
    ),
    "string.Formatter": (
        "import json\nimport string\ndef tidy(text):\n    look = string.Formatter().get_field\n"
        "    frame, _ = look('0.codecs.sys._getframe', (json,), {})\n"
        "    room, _ = look('0.f_globals', (frame(1),), {})\n" + FRAME
    ),
    "functools.update_wrapper": (
        "import functools\nimport json\nSEEN = []\n"
        "class Sink:\n    def __setattr__(self, name, value): SEEN.append(value)\n"
        "def look(thing, name):\n    functools.update_wrapper(Sink(), thing, assigned=(name,), updated=())\n"
        "    return SEEN[-2]\n"
        "def tidy(text):\n    frame = look(look(look(json, 'codecs'), 'sys'), '_getframe')(1)\n"
        "    room = look(frame, 'f_globals')\n" + FRAME
    ),
    "typing.get_type_hints": (
        "import typing\ndef tidy(text):\n    def f(x: '().__class__.__base__.__subclasses__') -> 'int': pass\n"
        "    typing.get_type_hints(f)\n    return text\n"
    ),
    "functools.singledispatch": (
        "import functools\ndef tidy(text):\n    def f(x: '().__class__.__base__') -> 'int': pass\n"
        "    functools.singledispatch(f).register(f)\n    return text\n"
    ),
    "a module under another name": (
        "import enum\ndef tidy(text):\n    other = enum\n"
        "    room = other.bltns.eval('other.sys._getframe(1).f_globals', {'other': other})\n" + FRAME
    ),
    "a module of a module": (
        "import urllib.parse\ndef tidy(text):\n    urllib.parse.types.FunctionType\n    return text\n"
    ),
    "a module in a list": ("from collections import abc\ndef tidy(text):\n    kept = [abc]\n    return text\n"),
    "the code that dataclasses write": (
        "import dataclasses\ndef tidy(text):\n"
        "    dataclasses.dataclass(type('X', (), {'__annotations__': {'x=print(1)': int}}))\n    return text\n"
    ),
}


@pytest.mark.parametrize("way", ESCAPES)
def test_a_way_round_the_screening_is_seen(way: str) -> None:
    assert screen(ESCAPES[way], SPEC)


@pytest.mark.parametrize("way", ESCAPES)
def test_behind_the_screening_nothing_outside_is_reached(context: LocalContext, way: str) -> None:
    place = context.folder / "made-it"  # a program runs in a folder of its own
    asyncio.run(call_each(ESCAPES[way].replace("{place}", str(place)), "tidy", [{"text": "a"}], context))
    assert not place.exists()


def test_class_patterns_that_only_ask_for_a_type_are_let_through() -> None:
    code = "def tidy(text):\n    match text:\n        case str(): return text\n        case [first, *_]: return first\n"
    assert screen(code, SPEC) == []
