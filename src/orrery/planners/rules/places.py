"""Places: on which device that lies of which a clause speaks, and where it is that something goes.

What a person leaves unsaid is filled in only where it can mean one thing. A file of which nobody said where it lies,
after another was said to lie on a device, may lie there or here: that is asked back, not guessed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from orrery.planners.rules.clauses import Clause
from orrery.planners.rules.frame import Frame, Target, problem
from orrery.planners.rules.lexer import Token
from orrery.planners.rules.speech import Speech
from orrery.planners.rules.surroundings import Column, Unseen
from orrery.planners.rules.vocabulary import AGGREGATES, ARTICLES, FILLERS, LEVELS, MEASURES, ROW_NOUNS, TABLE_SUFFIXES
from orrery.planners.rules.where import HERE, Where

_STAND_IN = re.compile(r"\b(?:HOST|DEVICE|SERVER|MACHINE)\b|[{<](?:host|device|server|machine|name)[}>]")
_NO_COLUMN = frozenset((*ARTICLES, *FILLERS, *AGGREGATES, *LEVELS, *ROW_NOUNS, *MEASURES)) - {"amount"}
_SUMS = ("sum", "total", "average", "mean", "median", "maximum", "minimum", "highest", "lowest", "add")
_PUT = ("put", "place")
_SEND = ("upload", "send", "push", "transfer", "ship", "deliver", "distribute", "bring", "get", "fetch")
_BRING = ("download",)
_LISTED = ("by", "per", "column", "columns", "grouped")


class Places(Speech):
    """Knows where things are, as far as it was said."""

    led: Where | None = None
    """The place that was named before the verb, for all of the sentence."""
    said: Where | None = None
    """The place that was named last in the clauses before."""
    led_before: Where | None = None
    """The place that was named before the verb of an earlier part."""
    said_in = -1
    """The sentence in which it was."""

    def _look(self, words: Sequence[Token], led: Where | None) -> None:
        """See the folder of which a clause speaks: this machine's, or one of which nothing is known."""
        self.led = led
        places = [token.where for token in words if token.where is not None and token.where.by != "to"]
        far = [where for where in places if not where.is_here]
        named_here = any(where.is_here for where in places)
        if not far and (led is None or led.is_here or named_here):
            self.around = self.home
            if self.last is None or self.last.where.is_here or _names_files(words):
                return
        tables = any(t.kind in ("path", "glob", "suffix") and _is_table(t.text) for t in words) or any(
            t.word in ("csv", "tsv", "parquet", "table") for t in words
        )
        self.around = Unseen(_guessed(words) if tables else ())

    def _lies(self, frame: Frame, clause: Clause) -> Where:
        """Where that lies of which a clause speaks. Notes a problem where it may be here or there."""
        if any(not where.same(frame.where) for where, _ in frame.lying if frame.where is not None):
            return self._of_each_path(frame)
        if frame.where is not None and 0 < len(frame.lying) < len(frame.paths):
            self._unsure(frame.copy(paths=frame.paths[len(frame.lying) :]), frame.where)
        if frame.where is not None:
            return self._of_last(frame, frame.where) if not frame.has_source else frame.where
        if not frame.has_source:
            last = self.last
            goal = next((t.where for t in frame.targets), None) or frame.goes
            if last is not None and last.parts and any(has_stand_in(target.path) for target in frame.targets):
                return Where(tuple(last.parts), every=True)  # "save each to HOST.txt"
            if goal is not None and self._are_parts(goal):
                if goal.every or goal.said.lower().endswith(("there", "them")):
                    return goal
                message = "does each get what it gave itself, or what all gave together? Say: on each of them"
                self.b.problems.append(problem("plan/ambiguous", frame.devices[0], message))
            if last is None or not (last.where.is_here and last.parts):
                return last.where if last is not None else self.led or HERE
            return self.led if self.led is not None and self._are_parts(self.led) else HERE
        if self.led is not None:
            return self.led
        if frame.urls or (frame.goes is not None and self.said is None):
            return HERE
        away = next((t.where for t in frame.targets if t.where is not None and not t.where.is_here), None)
        if away is not None and (frame.paths or frame.files):
            self._unsure(frame, away)
        elif self.said is not None and not self.said.is_here and self.said_in == clause.sentence:
            self._unsure(frame, self.said)
        return HERE

    def _of_each_path(self, frame: Frame) -> Where:
        """ "a.csv on web1 and b.csv on web2"."""
        names = list(dict.fromkeys(name for where, _ in frame.lying for name in where.names))
        if len(frame.lying) < len(frame.paths):
            self._unsure(frame.copy(paths=frame.paths[len(frame.lying) :]), frame.lying[-1][0])
        elif frame.files is not None or any(where.is_here or where.fits for where, _ in frame.lying):
            message = "name one device for each file, and no other files beside"
            self.b.problems.append(problem("plan/ambiguous", frame.devices[0], message))
        return Where(tuple(names))

    def _are_parts(self, where: Where) -> bool:
        return self.last is not None and where.is_several and tuple(self.last.parts) == where.names

    def _of_last(self, frame: Frame, where: Where) -> Where:
        """ "Count its words on web1": what was said last must lie there."""
        last = self.last
        made = bool(frame.texts or frame.contains or frame.targets)
        if last is None or last.where.same(where) or self._are_parts(where) or (made and last is None):
            return where
        token = frame.devices[0]
        self.b.problems.append(
            problem("plan/not-understood", token, f"I do not see what is to be done {where} with what is not there")
        )
        return where

    def _unsure(self, frame: Frame, where: Where) -> None:
        token = frame.paths[0][1] if frame.paths else frame.folder_token
        what = f"is {token.text!r}" if token is not None else "is that"
        message = f"{what} here, or {where}? Say 'here', or name the device"
        self.b.problems.append(problem("plan/ambiguous", token, message))

    def _goals(self, frame: Frame) -> list[Where]:
        """Where that is written which a clause writes; of several devices each. Empty after a problem."""
        where = self._goal(frame)
        if where is None:
            return []
        return [where.only(name) for name in where.names] if where.is_several else [where]

    def _goal(self, frame: Frame) -> Where | None:
        target = next(iter(frame.targets), None)
        goal = self._goal_said(frame, target)
        if goal is None:
            self._unsure_goal(target)
        elif (
            target is not None
            and has_stand_in(target.path)
            and not goal.is_several
            and (goal.names or self.said or frame.where or self.led)
        ):
            message = f"for which device does a part of {target.path!r} stand? Say before: on each of ..."
            self.b.problems.append(problem("plan/ambiguous", target.token, message))
            return None
        elif goal.is_several and goal.said.lower().endswith("there") and not self.b.where.device:
            message = f"where of {', '.join(goal.names)} is it written? Say the name, or: on each of them"
            self.b.problems.append(problem("plan/ambiguous", target.token if target else None, message))
            return None
        elif goal.fits:
            message = "on which device is it written? Name one: a file lies where it was written"
            self.b.problems.append(problem("plan/ambiguous", target.token if target else None, message))
            return None
        return goal

    def _goal_said(self, frame: Frame, target: Target | None) -> Where | None:
        if target is not None and target.where is not None:
            return target.where
        if frame.goes is not None:
            return frame.goes
        if self.led is not None and self.led.by != "from":
            # In a part that is done for each device, that one.
            return self.b.where if self.led.is_several and self.b.where.device in self.led.names else self.led
        before = frame.where or self.said
        if before is None or before.is_here or before.by == "from" or (before.is_several and not self.b.where.device):
            return HERE
        return None

    def _unsure_goal(self, target: Target | None) -> None:
        place = self.b.where if self.b.where.device else self.said or HERE
        token = target.token if target is not None else None
        what = repr(target.path) if target is not None and target.path else "it"
        message = f"is {what} written here, or {place}? Say 'here', or name the device"
        self.b.problems.append(problem("plan/ambiguous", token, message))

    @staticmethod
    def _sends(clause: Clause) -> None:
        """ "Push a.txt to web1": a verb that copies, where what goes is a file and where it goes a device."""
        verb = clause.verb[0] if clause.verb else None
        places = any(token.where is not None for token in clause.words)
        whole = any(token.kind in ("path", "glob") for token in clause.words)
        other = any(token.kind in ("url", "quoted") or token.word in MEASURES for token in clause.words)
        goes = any(token.is_word("to", "into") or _goes_to(token) for token in clause.words)
        if verb is not None and verb.is_word(*_SEND) and places and whole and goes and not other:
            clause.intent = "copy"

    @staticmethod
    def _carries(frame: Frame, clause: Clause) -> None:
        """ "Upload a.txt to web1", "put a.txt on web1", "download a.txt from web1": verbs that copy between devices."""
        verb = clause.verb[0].text.lower() if clause.verb else ""
        whole = (frame.paths or frame.files) and not (frame.texts or frame.urls or frame.measures or frame.levels)
        if not whole or not (frame.where or frame.goes) or frame.aggregates or frame.chart:
            return
        if verb in _PUT and frame.goes is None and not frame.targets and frame.where is not None:
            frame.goes, frame.where, clause.intent = frame.where, None, "copy"
            frame.lying.clear()
        elif verb in _PUT and (frame.goes is not None or any(t.where for t in frame.targets)):
            clause.intent = "copy"
        elif verb in _BRING and frame.where is not None and frame.where.by in ("from", "of"):
            frame.goes, clause.intent = frame.goes or HERE, "copy"

    def _remember(self, frame: Frame, clause: Clause) -> None:
        """Remember what was said of places, for what follows."""
        said = next((t.where for t in frame.targets if t.where is not None), None) or frame.goes or frame.where
        if (said := said or self.led) is not None:
            self.said, self.said_in = said, clause.sentence


def stands_in(path: str, device: str) -> str:
    """A path with a device's name where a word stands for it: "backup/HOST.log" is "backup/web1.log"."""
    return _STAND_IN.sub(lambda _: device, path)


def has_stand_in(path: str) -> bool:
    """Whether a word in a path stands for the name of each device."""
    return _STAND_IN.search(path) is not None


def _goes_to(token: Token) -> bool:
    return token.where is not None and token.where.by == "to"


def _names_files(words: Sequence[Token]) -> bool:
    return any(token.kind in ("path", "glob", "suffix") for token in words)


def _is_table(name: str) -> bool:
    return any(name.lower().endswith(suffix) for suffix in TABLE_SUFFIXES if suffix != ".json")


def _guessed(words: Sequence[Token]) -> tuple[Column, ...]:
    """The columns that a table must have of which a request says so: by what, the sum of what, where what is over 3."""
    found: dict[str, Column] = {}
    for place, token in enumerate(words):
        if token.kind not in ("word", "quoted") or token.word in _NO_COLUMN or token.is_word("in", "on", "of", "it"):
            continue
        before = place - 1
        while (
            before >= 0
            and words[before].is_word("the", "of", "each", "every", "total", "a")
            and not words[before].is_word(*_SUMS)
        ):
            before -= 1
        lead = words[before] if before >= 0 else None
        after = words[place + 1] if place + 1 < len(words) else None
        named = lead is not None and lead.is_word(*_LISTED)
        summed = lead is not None and lead.is_word(*_SUMS)
        compared = lead is not None and lead.is_word("where", "whose") and after is not None
        counted = any(t.kind == "number" for t in words[place + 1 : place + 6])
        if named or summed or compared:
            found.setdefault(token.text, Column(token.text, numeric=summed or (compared and counted)))
    return tuple(found.values())
