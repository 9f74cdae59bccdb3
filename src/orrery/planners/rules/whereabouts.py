"""Phrases that say where: "on web1 and web2", "from every device with a gpu", "here", "there".

Each becomes one token, so that the commas and the "and" in it divide no clause. A phrase before a verb ("on web1, read
...") leaves the request: it says where all is done that follows in its sentence.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace

from orrery.errors import Problem, suggestion
from orrery.planners.protocol import Device
from orrery.planners.rules.clauses import PHRASAL
from orrery.planners.rules.frame import problem
from orrery.planners.rules.lexer import Token
from orrery.planners.rules.vocabulary import VERBS, words
from orrery.planners.rules.where import HERE, NOUNS, Preposition, Where

SENTENCE_ENDS = frozenset(".;!?\n…–—")  # noqa: RUF001 - dashes as people type them
_BY: dict[str, Preposition] = {
    "on": "on", "at": "on", "across": "on", "in": "on", "for": "on", "within": "on", "over": "on",
    "from": "from", "of": "of", "to": "to", "onto": "to", "into": "to",
}  # fmt: skip
_LEADS = words("on at from for across in over within")
_BEFORE = words("and then but also next finally first please afterwards now so lastly secondly")
_FILLERS = words("please then also first now just")
_OTHER = words("other others rest remaining")
_SYSTEMS = {"linux": "linux", "windows": "windows", "mac": "darwin", "macos": "darwin", "darwin": "darwin"}
_NOT_A_NAME = words("average demand disk line time the a an each every all both any it its")
_CHOOSING = words(
    """only over above below under more less fewer most least highest lowest largest smallest biggest top bottom which
    those whose than where if unless first last"""
)
_NEAR = 0.72
_NOTHING = Token("stop", "", 0, 0)


@dataclass
class Found:
    """A request whose phrases of place were found.

    Args:
        tokens: the request with one token for each phrase, without those that stand before a verb.
        leading: those, with where they stood, in characters.
        problems: what cannot be, such as a device that there is not.
    """

    tokens: list[Token]
    leading: list[tuple[int, Where]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def led(self, start: int) -> Where | None:
        """The place that holds for a clause that begins there: the last one before it in its sentence."""
        ends = [token.start for token in self.tokens if token.kind == "stop" and token.text in SENTENCE_ENDS]
        begin = max((end for end in ends if end < start), default=-1)
        return next((where for at, where in reversed(self.leading) if begin < at < start), None)


def found(
    tokens: Sequence[Token],
    devices: Sequence[Device],
    verbs: Collection[str] = (),
    is_column: Callable[[str], bool] = lambda _: False,
) -> Found:
    """The phrases of place in a request.

    Args:
        devices: the fleet; where there is none, the request is left as it is.
        verbs: words besides those of the grammar with which a clause may begin.
        is_column: whether a word is a column of what lies here, or stands in it: "for each host" then speaks of that.
    """
    return _Finder(list(tokens), devices, verbs, is_column).read() if devices else Found(list(tokens))


class _Finder:
    def __init__(
        self, tokens: list[Token], devices: Sequence[Device], verbs: Collection[str], is_column: Callable[[str], bool]
    ) -> None:
        self.tokens, self.devices, self.verbs, self.is_column = tokens, devices, verbs, is_column
        self.by_name = {device.name.lower(): device.name for device in devices}
        self.skills = {skill.lower() for device in devices for skill in device.skills}
        self.last: Where | None = None
        self.before: Where | None = None
        """The devices that were named last, and those that were before another one was."""
        self.result = Found([])

    def read(self) -> Found:
        place = 0
        while place < len(self.tokens):
            where, end = self._phrase(place)
            if where is None:
                token = self._at(place)
                if self._name(place):
                    message = f"I do not see what is to be done on {token.text!r}; say: on {token.text}"
                    self.result.problems.append(problem("plan/not-understood", token, message))
                self.result.tokens.append(token)
                place += 1
                continue
            self._take(where, place, end)
            place = end
            if self._leads_here and self._at(place).text == ",":
                place += 1
        return self.result

    _leads_here = False
    last_end = 0
    """After the words that named devices last."""

    def _points_back(self, begin: int) -> bool:
        return any(token.is_word("there", "them", "those", "these") for token in self.tokens[begin : begin + 4])

    def _narrowed(self, begin: int) -> bool:
        """Whether only some of the devices may be meant that were named last: it was asked which, or chosen."""
        asked = self.last is not None and self.last.asked
        return asked or any(token.is_word(*_CHOOSING) for token in self.tokens[self.last_end : begin])

    def _take(self, where: Where, begin: int, end: int) -> None:
        first, last = self.tokens[begin], self.tokens[end - 1]
        where = replace(where, said=" ".join(token.text for token in self.tokens[begin:end]))
        self._leads_here = not where.asked and self._leads(begin, end)
        if self._leads_here:
            self.result.leading.append((first.start, where))
        else:
            token = Token("device", where.said, first.start, last.end, where.said.lower(), unit=where.by, where=where)
            self.result.tokens.append(token)
        if where.names and not where.fits and not (self.last is not None and self.last.same(where)):
            self.before, self.last = self.last, where
        if where.names and not self._points_back(begin):
            self.last_end = end

    def _leads(self, begin: int, end: int) -> bool:
        """Whether a phrase stands before a verb: it begins a part of the request, and a verb follows."""
        before = self._at(begin - 1)
        opens = not begin or before.kind == "stop" or before.is_word(*_BEFORE)
        if not opens or not self.tokens[begin].is_word(*_LEADS, "there", "here", "everywhere", "locally"):
            return False
        comma = self._at(end).text in (",", ":")
        place = end + comma
        while self._at(place).is_word(*_FILLERS):
            place += 1
        if self._at(place).is_word("if", "unless"):
            return comma or begin == 0
        return self._verb(place, sure=comma)

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
        self.result.problems.append(problem(code, self._at(place), message))

    # -- phrases ------------------------------------------------------------------------------------------

    def _phrase(self, begin: int) -> tuple[Where | None, int]:
        """The place that is named from here on, and where the phrase ends."""
        token = self._at(begin)
        if token.kind not in ("word", "path", "quoted"):
            return None, begin
        if (asked := self._asked(begin)) is not None:
            return asked
        if (fixed := self._fixed(begin)) is not None:
            return fixed
        if token.is_word("per", "by") and (each := self._per(begin)) is not None:
            return each
        by = _BY.get(token.text.lower()) if token.kind == "word" else None
        if by is None:
            possessive = token.end - token.start > len(token.text) and token.kind == "word"
            if possessive and (name := self._name(begin)):
                return Where((name,), by="of"), begin + 1
            bare = self._all_of(begin) if token.is_word("each", "every", "all", "both") else None
            return (replace(bare[0], by="of"), bare[1]) if bare is not None else (None, begin)
        for read in (self._names, self._there, self._all_of, self._some):
            if (taken := read(begin + 1)) is not None:
                where, end = taken
                return self._tail(replace(where, by=by), end)
        if token.is_word("on", "from", "to", "onto", "at"):
            self._plural(begin + 1)
            self._unknown(begin + 1)
        return None, begin

    def _per(self, begin: int) -> tuple[Where, int] | None:
        """ "Per device": of each of those that were named in this sentence, or of all. A host is as often a column."""
        noun = self._at(begin + 1)
        if not noun.is_word("device", "server", "machine", "node") or noun.text.lower() != noun.word:
            return None
        if self.is_column(noun.word):
            return None
        named = next((token for token in reversed(self.result.tokens) if token.where is not None), None)
        between = self.tokens[self.last_end : begin]
        if named is None or named.where is None or any(token.text in SENTENCE_ENDS for token in between):
            return Where(self._all_names(), every=True), begin + 2
        self.result.tokens.remove(named)
        return replace(named.where, every=True), begin + 2

    def _tail(self, where: Where, end: int) -> tuple[Where, int]:
        """ "... each", "... together", "... at once"."""
        while True:
            token, following = self._at(end), self._at(end + 1)
            if token.is_word("each", "individually", "separately") and not (
                following.is_word("of") or following.kind in ("path", "glob", "number")
            ):
                where, end = replace(where, every=True), end + 1
                if self._at(end).is_word("there"):
                    end += 1
            elif token.text == "," and following.is_word("each") and self._at(end + 2).is_word("there", "by"):
                where, end = replace(where, every=True), end + 3
            elif token.is_word("together", "combined", "altogether"):
                where, end = replace(where, together=True), end + 1
            elif token.is_word("taken") and following.is_word("together"):
                where, end = replace(where, together=True), end + 2
            elif (token.text.lower(), following.text.lower()) in (("at", "once"), ("in", "parallel")):
                end += 2
            elif token.is_word("alike"):
                end += 1
            else:
                return where, end

    def _fixed(self, begin: int) -> tuple[Where, int] | None:
        """ "here", "there", "locally", "everywhere", "wherever it fits"."""
        token, before, after = self._at(begin), self._at(begin - 1), self._at(begin + 1)
        if token.is_word("locally") or (token.is_word("here") and not before.is_word("is", "are", "in")):
            return HERE, begin + 1
        if token.is_word("everywhere"):
            return self._everything(), begin + 1
        if token.is_word("there") and not self._of_being(before) and not self._of_being(after):
            back = self._back(begin)
            return (back, begin + 1) if back is not None else None
        for phrase in ("wherever it fits best", "wherever it fits", "wherever there is room", "anywhere"):
            size = len(phrase.split())
            if [self._at(begin + ahead).text.lower() for ahead in range(size)] == phrase.split():
                return Where(fits=True), begin + size
        if token.is_word("where", "wherever") and after.is_word("there") and self._at(begin + 2).is_word("is"):
            skills, end = self._skill_list(begin + 3)
            if skills:
                return self._fitting(begin, skills, ""), end
        return None

    @staticmethod
    def _of_being(token: Token) -> bool:
        return token.is_word("is", "are", "was", "were", "if", "be", "whether", "has", "have", "any")

    def _everything(self) -> Where:
        several = self.last is not None and len(self.last.names) > 1
        return Where(self.last.names if self.last is not None and several else self._all_names(), every=True)

    def _all_names(self) -> tuple[str, ...]:
        return tuple(device.name for device in self.devices)

    def _back(self, begin: int) -> Where | None:
        """The place that "there" points back at; a problem where there is none."""
        if self.last is None:
            self._fault("plan/no-reference", begin, "where? No device was named before")
            return Where(fits=True)
        if len(self.last.names) > 1 and self._narrowed(begin):
            self._fault("plan/ambiguous", begin, "which of them is known only when it has run; name devices here")
        return replace(self.last, every=False, together=False, asked=False, by="on")

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

    def _there(self, place: int) -> tuple[Where, int] | None:
        """ "(on) this machine", "(from) there", "that device", "each of them", "both", "the others"."""
        token, following = self._at(place), self._at(place + 1)
        if token.is_word("here", "locally"):
            return HERE, place + 1
        if token.is_word("this", "my", "our", "the") and (
            (token.is_word("this", "my") and following.is_word(*NOUNS, "desk", "laptop"))
            or following.is_word("desk", "laptop")
        ):
            return HERE, place + 2
        if token.is_word("the") and following.is_word("local") and self._at(place + 2).is_word(*NOUNS):
            return HERE, place + 3
        if token.is_word("there") and not self._of_being(following):
            back = self._back(place)
            return (back, place + 1) if back is not None else None
        same = 2 if token.is_word("the") and following.is_word("same", "very") else 1 if token.is_word("that") else 0
        if same and self._at(place + same).is_word("same"):
            same += 1
        noun = self._at(place + same)
        if same and noun.is_word(*NOUNS) and noun.text.lower() == noun.word and self.last is not None:
            if not self.last.device:
                self._fault("plan/ambiguous", place, f"which of {', '.join(self.last.names)}? Say its name")
            return self.last.only(self.last.names[0]), place + same + 1
        return self._of_them(place)

    def _of_them(self, place: int) -> tuple[Where, int] | None:
        """ "each of them", "all of them", "both", "the others"."""
        token, following = self._at(place), self._at(place + 1)
        start = place + 1 if token.is_word("the", "all") and following.is_word(*_OTHER) else place
        if self._at(start).is_word(*_OTHER) and not self._at(start + 1).is_word(*NOUNS):
            return self._others(place, every=False), start + 1
        if not token.is_word("each", "all", "both", "them", "every"):
            return None
        end = place + 1
        if following.is_word("of") and self._at(place + 2).is_word("them", "these", "those"):
            end = place + 3
            if self._at(end).is_word(*NOUNS):
                end += 1
        elif token.is_word("every") or (
            following.kind != "stop" and not following.is_word("and", "then", "with") and end < len(self.tokens)
        ):
            return None
        if token.is_word("both"):
            pair = self.last if self.last is not None and len(self.last.names) == 2 else self._pair()
            if pair is None or len(pair.names) != 2:
                self._fault("plan/ambiguous", place, "both of which? Name the two devices")
                return Where(self._all_names()), end
            return replace(pair, every=False), end
        several = next((one for one in (self.last, self.before) if one is not None and len(one.names) > 1), None)
        if several is None:
            if end == place + 1 and token.is_word("each", "all") and self.last is None:
                return Where(self._all_names(), every=token.is_word("each")), end
            self._fault("plan/no-reference", place, "of which devices? No several were named before")
            return Where(self._all_names()), end
        if self._narrowed(place):
            self._fault("plan/ambiguous", place, "which of them is known only when it has run; name devices here")
        return Where(several.names, every=token.is_word("each")), end

    def _pair(self) -> Where | None:
        if self.before is not None and self.last is not None:
            names = dict.fromkeys((*self.before.names, *self.last.names))
            return Where(tuple(names))
        return None

    def _others(self, place: int, *, every: bool) -> Where:
        if self.last is None:
            self._fault("plan/no-reference", place, "other than which? Name devices before")
            return Where(self._all_names())
        left = tuple(name for name in self._all_names() if name not in self.last.names)
        if not left:
            self._fault("plan/ambiguous", place, "no other devices are left")
        return Where(left, every=every)

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
        return token.kind == "word" and not token.is_word(*NOUNS, *_BY, "and", "or", "is", "are", "that", "it")

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

    def _asked(self, begin: int) -> tuple[Where, int] | None:
        """ "which of the servers has", "which devices have": the devices, of which some are asked for."""
        token = self._at(begin)
        before = self._at(begin - 1)
        if begin and before.is_word("which") and token.is_word("of"):
            for read in (self._names, self._all_of):
                if (taken := read(begin + 1)) is not None:
                    return replace(taken[0], asked=True), self._past_verb(taken[1])
        if begin and before.is_word("which") and not token.is_word("of"):
            taken = self._group(begin, begin, every=False, number=0, plural=False)
            if taken is not None:
                return replace(taken[0], asked=True), self._past_verb(taken[1])
        return None

    def _past_verb(self, end: int) -> int:
        return end + 1 if self._at(end).is_word("has", "have", "had", "is", "are") else end

    def _listed(self) -> str:
        return ", ".join(self._all_names())

    # -- what is no device --------------------------------------------------------------------------------

    def _looks_like_one(self, token: Token) -> bool:
        """Whether a word is like the name of a device."""
        word = token.text.lower()
        if token.kind != "word" or word in _NOT_A_NAME or word in VERBS or len(word) < 2:
            return False
        numbered = re.fullmatch(r"[a-z][a-z_-]*\d+", word) is not None
        return numbered or bool(difflib.get_close_matches(word, self.by_name, n=1, cutoff=_NEAR))

    def _plural(self, place: int) -> None:
        """ "On web servers": on all of them, or on some?"""
        at = place
        while self._is_kind(self._at(at)) and at < place + 2:
            at += 1
        noun = self._at(at)
        if noun.is_word(*NOUNS) and noun.text.lower() != noun.word:
            said = " ".join(token.text for token in self.tokens[place : at + 1])
            self._fault("plan/ambiguous", place, f"on all {said}, or on one of them? Say: on all {said}")

    def _unknown(self, place: int) -> None:
        """Note a device that there is not, if what stands here is like the name of one."""
        token = self._at(place)
        if self._is_kind(token) or not self._looks_like_one(token):
            return
        hint = suggestion(token.text, list(self._all_names()))
        self._fault("plan/unknown-device", place, f"there is no device {token.text!r}; {hint}")
