"""Names and kinds of devices: "web1, web2 and db1", "every web server with a gpu", "all devices except pi1"."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Sequence

from orrery.errors import Problem, suggestion
from orrery.planners.protocol import Device
from orrery.planners.rules.clauses import PHRASAL
from orrery.planners.rules.frame import problem
from orrery.planners.rules.lexer import Token
from orrery.planners.rules.vocabulary import VERBS, words
from orrery.planners.rules.where import NOUNS, Preposition, Where

SENTENCE_ENDS = frozenset(".;!?\n…–—")  # noqa: RUF001 - dashes as people type them
BY: dict[str, Preposition] = {
    "on": "on", "at": "on", "across": "on", "in": "on", "for": "on", "within": "on", "over": "on",
    "from": "from", "of": "of", "to": "to", "onto": "to", "into": "to",
}  # fmt: skip
"""Words with which a phrase of place may begin, to what it then says."""
_SYSTEMS = {"linux": "linux", "windows": "windows", "mac": "darwin", "macos": "darwin", "darwin": "darwin"}
_NOT_A_NAME = words("average demand disk line time the a an each every all both any it its")
_NEAR = 0.72
_NOTHING = Token("stop", "", 0, 0)


class Kinds:
    """Reads which devices are named, at any place of a request.

    Args:
        tokens: the request.
        devices: the fleet.
        verbs: words besides those of the grammar with which a clause may begin.
        is_column: whether a word is a column of what lies here, or stands in it.
    """

    def __init__(
        self, tokens: list[Token], devices: Sequence[Device], verbs: Collection[str], is_column: Callable[[str], bool]
    ) -> None:
        self.tokens, self.devices, self.verbs, self.is_column = tokens, devices, verbs, is_column
        self.by_name = {device.name.lower(): device.name for device in devices}
        self.skills = {skill.lower() for device in devices for skill in device.skills}
        self.last: Where | None = None
        """The devices that were named last."""
        self.problems: list[Problem] = []

    def _at(self, place: int) -> Token:
        return self.tokens[place] if 0 <= place < len(self.tokens) else _NOTHING

    def _name(self, place: int) -> str:
        """The device whose name stands here."""
        token = self._at(place)
        if token.kind not in ("word", "path", "quoted"):
            return ""
        name = self.by_name.get(token.text.lower(), "")
        if name and self.is_column(token.text.lower()) and not self._at(place - 1).is_word("on", "from", "to", "and"):
            return ""
        return name

    def _fault(self, code: str, place: int, message: str) -> None:
        self.problems.append(problem(code, self._at(place), message))

    def _names(self, place: int) -> tuple[Where, int] | None:
        """ "web1", "web1, web2 and db1", "both web1 and web2", "the server web1", "web1 or web2"."""
        begin, every = place, False
        if self._at(place).is_word("both"):
            place += 1
        elif self._at(place).is_word("each") and self._at(place + 1).is_word("of"):
            place, every = place + 2, True
        named: list[str] = []
        either = False
        end = place
        while True:
            at = self._past_noun(place)
            name = self._name(at)
            if not name:
                token = self._at(at)
                if named and self._looks_like_one(token):
                    self._unknown(at)
                break
            if name not in named:
                named.append(name)
            end = place = at + 1
            if self._at(place).text == ",":
                place += 1
            if self._at(place).is_word("and", "or", "plus"):
                either = either or self._at(place).is_word("or")
                place += 1
            if place == end:
                break
            if self._at(place).is_word(*(self._at(begin - 1).text.lower(),)) and self._name(place + 1):
                if self._is_new_part(place):
                    break
                place += 1
        if not named:
            return None
        return Where(tuple(named), fits=either and len(named) > 1, every=every), end

    def _is_new_part(self, place: int) -> bool:
        """Whether "and on web2" begins another part: a verb follows the name."""
        after = place + 2
        if self._at(after).text in (",", ":"):
            after += 1
        return self._verb(after, sure=False)

    def _past_noun(self, place: int) -> int:
        """Past "the server" in "the server web1"."""
        at = place
        if self._at(at).is_word("the", "my", "our"):
            at += 1
        if self._at(at).is_word(*NOUNS) and self._name(at + 1) and not self.is_column(self._at(at).word):
            at += 1
        return at if self._name(at) else place

    def _verb(self, place: int, *, sure: bool) -> bool:
        token, following = self._at(place), self._at(place + 1)
        word = token.text.lower()
        if token.kind != "word":
            return False
        if word in VERBS or word in self.verbs:
            return sure or following.kind != "stop" or place + 1 >= len(self.tokens) or following.text in SENTENCE_ENDS
        return any(
            tuple(self._at(place + ahead).text.lower() for ahead in range(len(phrase))) == phrase for phrase in PHRASAL
        )

    def _all_of(self, begin: int) -> tuple[Where, int] | None:
        """ "every device", "all web servers", "both servers", "each of the three hosts with a gpu"."""
        place, every, number, plural = begin, False, 0, False
        if self._at(place).is_word("each", "every"):
            every = True
            place += 2 if self._at(place + 1).is_word("of") else 1
        elif self._at(place).is_word("all", "both"):
            plural = True
            number = 2 if self._at(place).is_word("both") else 0
            place += 2 if self._at(place + 1).is_word("of") else 1
        explicit = place > begin
        if self._at(place).is_word("the", "my", "our", "these", "those"):
            plural = plural or not explicit
            place += 1
            explicit = True
        if not explicit:
            return None
        counted = self._at(place)
        if counted.kind == "number" and not counted.unit and 1 < counted.number <= len(self.devices) + 20:
            number, place = int(counted.number), place + 1
        return self._group(begin, place, every=every, number=number, plural=plural)

    def _group(self, begin: int, place: int, *, every: bool, number: int, plural: bool) -> tuple[Where, int] | None:
        others = self._at(place).is_word("other", "remaining")
        place += others
        adjectives: list[Token] = []
        while self._is_adjective(place) and len(adjectives) < 2:
            adjectives.append(self._at(place))
            place += 1
        noun = self._at(place)
        if self.is_column(noun.word) and not adjectives and not self._at(begin - 1).is_word("on", "from", "to"):
            return None
        if not noun.is_word(*NOUNS) or any(not self._is_kind(token) for token in adjectives):
            if noun.is_word(*NOUNS) and adjectives and (every or noun.text.lower() != noun.word):
                return self._no_kind(begin, adjectives, place + 1)
            return None
        singular = noun.text.lower() == noun.word
        place += 1
        skills, system, end = self._with(place)
        names = [
            device.name
            for device in self.devices
            if self._is(device, skills, system) and all(self._has(device, token.word) for token in adjectives)
        ]
        if noun.word in self.skills:
            names = [device.name for device in self.devices if device.name in names and self._has(device, noun.word)]
        if others:
            names = [name for name in names if name in self._others(begin, every=every).names]
        names, end = self._except(names, end)
        if not every and plural and singular:
            wanted = tuple(skills) + tuple(token.word for token in adjectives)
            if not wanted and not system:
                return None  # "on the server": which?
            if len(names) > 1:
                self._fault("plan/ambiguous", begin, f"which of {', '.join(names)}? Say its name")
        if number and len(names) != number:
            there = f"there are {len(names)}: {', '.join(names)}" if names else "there is none"
            self._fault("plan/ambiguous", begin, f"which {number} devices? {there}")
        if not names:
            self._fault("plan/unknown-device", begin, f"there is no such device; there are {self._listed()}")
            names = list(self._all_names())
        return Where(tuple(names), every=every), end

    def _no_kind(self, begin: int, adjectives: Sequence[Token], end: int) -> tuple[Where, int]:
        said = " ".join(token.text for token in adjectives)
        known = ", ".join(sorted(self.skills)) or "none"
        self._fault("plan/unknown-device", begin, f"no device says that it is {said!r}; their skills are: {known}")
        return Where(self._all_names()), end

    def _is_adjective(self, place: int) -> bool:
        token = self._at(place)
        return token.kind == "word" and not token.is_word(*NOUNS, *BY, "and", "or", "is", "are", "that", "it")

    def _is_kind(self, token: Token) -> bool:
        return token.kind == "word" and any(self._has(device, token.word) for device in self.devices)

    def _has(self, device: Device, word: str) -> bool:
        """Whether a device is of a kind: by its skills, its system, or the beginning of its name ("web" of web1)."""
        skills = {skill.lower() for skill in device.skills}
        if word in self.skills:
            return word in skills
        if word in _SYSTEMS:
            return device.os == _SYSTEMS[word]
        return re.fullmatch(rf"{re.escape(word)}[-_]?\d+", device.name.lower()) is not None

    @staticmethod
    def _is(device: Device, skills: Sequence[str], system: str) -> bool:
        said = {skill.lower() for skill in device.skills}
        return all(skill in said for skill in skills) and system in ("", device.os)

    def _with(self, place: int) -> tuple[tuple[str, ...], str, int]:
        """ "with a gpu", "that have the skill camera", "tagged web", "running Linux": skills, system, the end."""
        token, following = self._at(place), self._at(place + 1)
        if token.is_word("running", "with", "on") and following.text.lower() in _SYSTEMS:
            return (), _SYSTEMS[following.text.lower()], place + 2
        at = place
        if token.is_word("that", "which", "who") and following.is_word("has", "have", "is", "are", "can"):
            at += 2
        elif token.is_word("with", "having"):
            at += 1
        elif token.is_word("tagged", "labelled", "labeled", "marked"):
            at += 2 if following.is_word("with", "as") else 1
        else:
            return (), "", place
        skills, end = self._skill_list(at)
        if skills:
            return skills, "", end
        here = self._at(at + 1) if self._at(at).is_word("a", "an", "the") else self._at(at)
        tagged = token.is_word("tagged", "labelled", "labeled", "marked") or here.is_word("skill", "tag", "label")
        if here.kind == "word" and tagged:
            known = ", ".join(sorted(self.skills)) or "none"
            self._fault("plan/unknown-device", at, f"no device has that skill; there are: {known}")
        return (), "", place

    def _skill_list(self, at: int) -> tuple[tuple[str, ...], int]:
        found: list[str] = []
        end = at
        while True:
            while self._at(at).is_word("a", "an", "the", "skill", "skills", "tag", "tags", "label", "both"):
                at += 1
            token = self._at(at)
            word = next((one for one in (token.text.lower(), token.word) if one in self.skills), "")
            if not word:
                return tuple(found), end
            found.append(word)
            at = end = at + 1
            if self._at(at).is_word("skill", "tag", "label"):
                at = end = at + 1
            if not self._at(at).is_word("and"):
                return tuple(found), end
            at += 1

    def _except(self, names: list[str], end: int) -> tuple[list[str], int]:
        """ "... except pi1", "... but not web1 and web2", "... other than db1"."""
        at = end + (self._at(end).text == ",")
        for phrase in ("except for", "except", "but not", "other than", "apart from", "excluding", "without", "but"):
            said = phrase.split()
            if [self._at(at + ahead).text.lower() for ahead in range(len(said))] == said:
                left_out = self._names(at + len(said))
                if left_out is None:
                    at_name = at + len(said)
                    if self._looks_like_one(self._at(at_name)):
                        self._unknown(at_name)
                    return names, end
                return [name for name in names if name not in left_out[0].names], left_out[1]
        return names, end

    def _some(self, begin: int) -> tuple[Where, int] | None:
        """ "a device with a gpu", "any device", "whichever device fits", "some web server"."""
        token = self._at(begin)
        if not token.is_word("a", "an", "any", "some", "whichever", "one", "whatever"):
            return None
        place = begin + 1
        if token.text.lower() == "one":
            while self._at(place).is_word("of", "the"):
                place += 1
        adjectives: list[Token] = []
        while self._is_adjective(place) and len(adjectives) < 2:
            adjectives.append(self._at(place))
            place += 1
        if not self._at(place).is_word(*NOUNS):
            return None
        unknown = [token for token in adjectives if not self._is_kind(token)]
        if unknown:
            return self._no_kind(begin, unknown, place + 1)
        skills, system, end = self._with(place + 1)
        for phrase in ("that is free", "that fits best", "that fits", "fits best", "fits", "is free"):
            said = phrase.split()
            if [self._at(end + ahead).text.lower() for ahead in range(len(said))] == said:
                end += len(said)
                break
        kinds = (*skills, *(one.word for one in adjectives if one.word in self.skills))
        system = system or next((_SYSTEMS[one.word] for one in adjectives if one.word in _SYSTEMS), "")
        named = [one for one in adjectives if one.word not in self.skills and one.word not in _SYSTEMS]
        if named:
            names = tuple(device.name for device in self.devices if self._has(device, named[0].word))
            return Where(names, skills=kinds, os=system, fits=len(names) > 1), end
        return self._fitting(begin, kinds, system), end

    def _fitting(self, begin: int, skills: tuple[str, ...], system: str) -> Where:
        """Any device of a kind; the one that there is, where there is one."""
        names = [device.name for device in self.devices if self._is(device, skills, system)]
        if not names:
            self._fault("plan/unknown-device", begin, f"there is no such device; there are {self._listed()}")
        if len(names) == 1 and (skills or system):
            return Where((names[0],))
        return Where(skills=skills, os=system, fits=True)

    def _listed(self) -> str:
        return ", ".join(self._all_names())

    def _plural(self, place: int) -> None:
        """ "On web servers": on all of them, or on some?"""
        at = place
        while self._is_kind(self._at(at)) and at < place + 2:
            at += 1
        noun = self._at(at)
        if noun.is_word(*NOUNS) and noun.text.lower() != noun.word:
            said = " ".join(token.text for token in self.tokens[place : at + 1])
            self._fault("plan/ambiguous", place, f"on all {said}, or on one of them? Say: on all {said}")

    def _looks_like_one(self, token: Token) -> bool:
        """Whether a word is like the name of a device."""
        word = token.text.lower()
        if token.kind != "word" or word in _NOT_A_NAME or word in VERBS or len(word) < 2:
            return False
        numbered = re.fullmatch(r"[a-z][a-z_-]*\d+", word) is not None
        return numbered or bool(difflib.get_close_matches(word, self.by_name, n=1, cutoff=_NEAR))

    def _unknown(self, place: int) -> None:
        """Note a device that there is not, if what stands here is like the name of one."""
        token = self._at(place)
        if self._is_kind(token) or not self._looks_like_one(token):
            return
        hint = suggestion(token.text, list(self._all_names()))
        self._fault("plan/unknown-device", place, f"there is no device {token.text!r}; {hint}")

    def _all_names(self) -> tuple[str, ...]:
        return tuple(device.name for device in self.devices)

    def _others(self, place: int, *, every: bool) -> Where:
        if self.last is None:
            self._fault("plan/no-reference", place, "other than which? Name devices before")
            return Where(self._all_names())
        left = tuple(name for name in self._all_names() if name not in self.last.names)
        if not left:
            self._fault("plan/ambiguous", place, "no other devices are left")
        return Where(left, every=every)
