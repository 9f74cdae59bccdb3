"""Phrases that say where: "on web1 and web2", "from every device with a gpu", "here", "there".

Each becomes one token, so that the commas and the "and" in it divide no clause. A phrase before a verb ("on web1, read
...") leaves the request: it says where all is done that follows in its sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace

from orrery.errors import Problem
from orrery.planners.protocol import Device
from orrery.planners.rules.frame import problem
from orrery.planners.rules.kinds import BY, SENTENCE_ENDS, Kinds
from orrery.planners.rules.lexer import Token
from orrery.planners.rules.vocabulary import RANKS, VERBS, words
from orrery.planners.rules.where import HERE, NOUNS, Where

_LEADS = words("on at from for across in over within")
_BEFORE = words("and then but also next finally first please afterwards now so lastly secondly")
_FILLERS = words("please then also first now just")
_OTHER = words("other others rest remaining")
_CHOOSING = words(
    """only over above below under more less fewer most least highest lowest largest smallest biggest top bottom which
    those whose than where if unless first last"""
)


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


class _Finder(Kinds):
    before: Where | None = None
    """The devices that were named before the last ones."""

    def read(self) -> Found:
        self.result = Found([], problems=self.problems)
        place = 0
        while place < len(self.tokens):
            where, end = self._phrase(place)
            if where is None:
                token = self._at(place)
                if self._name(place):
                    message = f"I do not see what is to be done on {token.text!r}; say: on {token.text}"
                    self.problems.append(problem("plan/not-understood", token, message))
                if self.wanted is not None and token.text.lower() in RANKS:
                    self.result.tokens.append(self.wanted)  # "which 2 devices have the most": the 2 most
                    self.wanted = None
                self.result.tokens.append(token)
                place += 1
                continue
            self._take(where, place, end)
            place = end
            if self._leads_here and self._at(place).text == ",":
                place += 1
        if self.wanted is not None:
            self.result.tokens.append(self.wanted)
        return self.result

    wanted: Token | None = None
    """How many devices are asked for, until it is said by what they are chosen."""
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

    # -- phrases ------------------------------------------------------------------------------------------

    def _phrase(self, begin: int) -> tuple[Where | None, int]:
        """The place that is named from here on, and where the phrase ends."""
        token = self._at(begin)
        if token.kind not in ("word", "path", "quoted", "number"):
            return None, begin
        if (asked := self._asked(begin)) is not None:
            return asked
        if token.kind == "number":
            return None, begin
        if (fixed := self._fixed(begin)) is not None:
            return fixed
        if token.is_word("per", "by") and (each := self._per(begin)) is not None:
            return each
        by = BY.get(token.text.lower()) if token.kind == "word" else None
        if by is None:
            possessive = token.end - token.start > len(token.text) and token.kind == "word"
            if possessive and (name := self._name(begin)):
                return Where((name,), by="of"), begin + 1
            bare = self._all_of(begin) if token.is_word("each", "every", "all", "both") else None
            return (replace(bare[0], by="of"), bare[1]) if bare is not None else (None, begin)
        for read in (self._names, self._there, self._all_of, self._some):
            ends = self._at(begin + 2).kind == "stop"  # or there is nothing more
            if (
                ends
                and token.is_word("of", "in", "for", "within")
                and self._at(begin + 1).is_word("them", "both", "all")
            ):
                break  # "the largest of them": of what was found
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

    def _back(self, begin: int) -> Where | None:
        """The place that "there" points back at; a problem where there is none."""
        if self.last is None:
            self._fault("plan/no-reference", begin, "where? No device was named before")
            return Where(fits=True)
        if len(self.last.names) > 1 and self._narrowed(begin):
            self._fault("plan/ambiguous", begin, "which of them is known only when it has run; name devices here")
        return replace(self.last, every=False, together=False, asked=False, by="on")

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

    def _asked(self, begin: int) -> tuple[Where, int] | None:
        """ "which of the servers has", "which devices have": the devices, of which some are asked for."""
        token = self._at(begin)
        before = self._at(begin - 1)
        if begin and before.is_word("which") and token.is_word("of"):
            for read in (self._names, self._all_of):
                if (taken := read(begin + 1)) is not None:
                    return replace(taken[0], asked=True), self._past_verb(taken[1])
        number = token if token.kind == "number" and not token.unit else None
        chosen = not begin or before.is_word("the", *VERBS)
        if (begin and before.is_word("which")) or chosen:
            group = begin + (number is not None)
            taken = self._group(group, group, every=False, number=0, plural=False) if self._is_group(group) else None
            if taken is not None and (before.is_word("which") or self._chooses(taken[1])):
                self.wanted = number
                return replace(taken[0], asked=True), self._past_verb(taken[1])
        return None

    def _is_group(self, place: int) -> bool:
        """Whether "devices" or "web servers" stands here."""
        at = place
        while self._is_kind(self._at(at)) and not self._at(at).is_word(*NOUNS) and at < place + 2:
            at += 1
        return self._at(at).is_word(*NOUNS)

    def _chooses(self, place: int) -> bool:
        """ "(The servers) with more than 100 errors": which, by something that is measured."""
        if not self._at(place).is_word("with", "that", "which", "having"):
            return False
        place += 2 if self._at(place + 1).is_word("has", "have", "had") else 1
        place += self._at(place).is_word("the")
        token = self._at(place)
        return token.text.lower() in RANKS or token.is_word("more", "less", "fewer", "over", "under", "at", "above")

    def _past_verb(self, end: int) -> int:
        if self._at(end).is_word("that", "which") and self._at(end + 1).is_word("has", "have", "had"):
            return end + 2
        return end + 1 if self._at(end).is_word("has", "have", "had", "is", "are", "with", "having") else end

    # -- what is no device --------------------------------------------------------------------------------
