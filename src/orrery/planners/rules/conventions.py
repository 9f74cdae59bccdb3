"""What people leave out, filled in; and what nobody said anything with, pointed at."""

from __future__ import annotations

from orrery.errors import suggestion
from orrery.planners.rules.clauses import Clause
from orrery.planners.rules.frame import HAVING, Aggregate, Frame, problem
from orrery.planners.rules.lexer import Token
from orrery.planners.rules.places import Places
from orrery.planners.rules.vocabulary import NO_TOOL, PEOPLE, VERB_COLUMNS


class Conventions(Places):
    """What a frame means beyond its words."""

    def _upper_case_is_text(self, frame: Frame, clause: Clause) -> None:
        """ "Find TODO in ...": a word in capitals that nothing else took is what is looked for."""
        if frame.contains or clause.intent not in ("search", "show", "count", "which", "occurrences", "filter", ""):
            return
        capitals = [t for t in frame.unknown if t.text.rstrip("s").isupper() and len(t.text) > 2]
        if capitals and len(frame.unknown) == 1 and (frame.files or frame.paths or frame.pronoun):
            token = capitals[0]
            frame.unknown.remove(token)
            frame.contains.append((token.text.rstrip("s"), False, False, token))
            frame.unit = frame.unit or "lines"

    def _one_of_each(self, frame: Frame, clause: Clause) -> None:
        """ "The largest file of each folder" has no tool; a sum in its place would be wrong."""
        rank = frame.rank
        if rank is None or not (frame.groups or frame.parts) or frame.aggregates:
            return
        of_rows = (
            frame.unit == "rows" or frame.files is not None or "folder" in frame.groups or "suffix" in frame.groups
        )
        largest = rank.count == 1 and not rank.plain and rank.dimension in ("size", "length", "time") and of_rows
        if frame.within is not None or (largest and clause.intent != "which"):
            message = "one row of each group cannot be picked; say a maximum: the maximum amount by region"
            self.b.problems.append(problem("plan/not-understood", rank.token, message))

    def _counted_columns(self, frame: Frame, clause: Clause) -> None:
        """ "How many bytes" adds a column of numbers up; "how many regions" counts its different values."""
        said = (
            frame.unit
            or frame.levels
            or frame.groups
            or frame.aggregates
            or frame.parts
            or frame.measures
            or frame.files
        )
        numbers = {column.name for column in self._columns(clause.words) if column.numeric}
        added = len(frame.columns) == 1 and frame.columns[0] in numbers and not (frame.aggregates or frame.levels)
        if [t.text.lower() for t in clause.verb] == ["how", "many"] and frame.groups and added and not frame.unit:
            frame.aggregates.append(Aggregate("sum", frame.columns.pop()))  # "how many bytes did each host get"
            return
        if clause.intent != "count" or said or frame.distinct or not frame.columns or frame.contains:
            return
        name = frame.columns[0]
        numeric = any(column.name == name and column.numeric for column in self._columns(clause.words))
        if numeric:
            frame.aggregates.append(Aggregate("sum", name))
            clause.intent = "show"
        else:
            frame.distinct = True

    def _counted_in_chart(self, frame: Frame, clause: Clause) -> None:
        """ "Chart the log levels": a column without numbers is drawn as how often each of its values occurs."""
        wants = frame.chart or clause.intent == "chart"
        said = frame.groups or frame.parts or frame.aggregates or frame.measures or frame.rank
        if not wants or said or not frame.columns or not frame.has_source:
            return
        columns = {column.name: column for column in self._columns(clause.words)}
        if all(name in columns and not columns[name].numeric for name in frame.columns):
            frame.groups = [frame.columns[0]]

    @staticmethod
    def _number_of_measures(frame: Frame, clause: Clause) -> None:
        """ "The number of lines" is the lines, counted."""
        plain = [a for a in frame.aggregates if a.how == "count" and not a.column]
        if (
            plain
            and (frame.measures or frame.unit == "matches")
            and clause.intent in ("show", "", "count", "write", "make", "chart")
        ):
            frame.aggregates = [a for a in frame.aggregates if a not in plain]
            clause.intent = "count" if clause.intent in ("show", "") else clause.intent
            frame.counted = True

    def _grouped_before(self, frame: Frame, clause: Clause) -> None:
        """ "Group them by region and sum the amount": the groups of the clause before are those of this one."""
        grouping, self.grouping = self.grouping, []
        if clause.intent == "group" and not frame.aggregates:
            self.grouping = [*frame.groups]
        aggregates = bool(frame.aggregates) or clause.intent in ("sum", "mean", "count")
        if grouping and aggregates and not frame.has_source and not frame.groups:
            frame.groups = grouping
            self._used()
            self.last = self.last.items if self.last is not None and self.last.items is not None else self.last

    def _of_each_kind(self, frame: Frame) -> None:
        """ "Errors and warnings in app.log: how many of each?": the kinds that were named before are told apart."""
        kinds, self.kinds = self.kinds, frame
        if kinds is None or not frame.each or frame.has_source or frame.levels or frame.groups or frame.parts:
            return
        if len(kinds.levels) > 1:
            frame.levels = list(kinds.levels)
        elif kinds.files is not None and len(kinds.files.suffixes) > 1 and not frame.measures:
            frame.groups.append("suffix")

    def _either(self, frame: Frame) -> None:
        """ "Below 50 or above 300", "of Acme or in East": only values of one column can stand for each other."""
        tests = [(test.column, test.test) for test in frame.tests]
        parts = len(tests) + bool(frame.contains) + bool(frame.levels)
        if frame.either is not None and tests and parts > 1 and len(dict.fromkeys(tests)) + parts - len(tests) > 1:
            message = "'or' is understood between values of one column; ask for one after the other"
            self.b.problems.append(problem("plan/ambiguous", frame.either, message))

    @staticmethod
    def _averaged(frame: Frame) -> None:
        """ "What is the amount on average"."""
        if frame.averaged and not frame.aggregates:
            frame.aggregates += [Aggregate("mean", name) for name in frame.columns] or [Aggregate("mean")]
            frame.columns.clear()

    def _who(self, frame: Frame, clause: Clause) -> None:
        """ "Who is over 40", "which customer spent the most": by the verb, or by what people have.

        Those who are asked for are the groups of what the verb adds up, or of the rows that are named.
        """
        person = bool(clause.verb) and clause.verb[0].is_word("who")
        columns = {column.name: column for column in self._columns(clause.words)}
        for test in frame.tests:
            if person and test.column == "" and not test.unit and "age" in columns:
                test.column = "age"
        rank = frame.rank
        if rank is None or rank.plain or rank.column or not rank.token.is_word("most", "least", "fewest"):
            return
        verb = next((token.text.lower() for token in clause.words if token.text.lower() in VERB_COLUMNS), "")
        summed = [name for name in VERB_COLUMNS.get(verb, ()) if name in columns and columns[name].numeric]
        if person and not frame.columns and not frame.groups:
            people = [name for name in PEOPLE if name in columns and len(columns[name].cells) > 1]
            frame.columns += people[:1]
            frame.column_tokens += [rank.token][: len(people)]
        if verb and len(summed) == 1 and frame.columns and frame.unit != "rows":
            rank.column = summed[0]
            frame.groups.append(frame.columns.pop(0))
            frame.aggregates.append(Aggregate("sum", summed[0]))

    def _grouped_question(self, frame: Frame, clause: Clause) -> None:
        """ "Which region has the highest total?", "which customer has the most orders?": a group is asked for."""
        rank, sort = frame.rank, frame.sort
        having = next((test for test in frame.tests if test.column.startswith(HAVING)), None)
        if having is not None and not frame.groups:
            if not frame.columns:
                message = "of which groups? Say: products with a total quantity above 5"
                self.b.problems.append(problem("plan/ambiguous", having.token, message))
                return
            frame.groups.append(frame.columns.pop(0))
            return
        in_all = bool(clause.verb) and (clause.verb[0].is_word("rank") or any(t.is_word("total") for t in clause.words))
        if (
            sort is not None
            and sort.column
            and clause.intent == "sort"
            and in_all
            and frame.columns[:1] not in ([], [sort.column])
        ):
            frame.groups.append(frame.columns.pop(0))  # "rank the customers by total amount"
            frame.aggregates.append(Aggregate("sum", sort.column))
            sort.descending = True
            return
        if (
            clause.intent not in ("which", "show", "")
            or rank is None
            or rank.plain
            or frame.groups
            or not frame.column_tokens
        ):
            return
        first = frame.columns[0] if frame.columns else ""
        counted = rank.token.is_word("most", "fewest", "least") and frame.unit == "rows" and not rank.column
        counted = counted or rank.dimension == "count"
        if first and first != rank.column and (frame.aggregates or counted):
            if counted:
                frame.aggregates = [a for a in frame.aggregates if a.how != "count"]
                rank.dimension = "count"
            frame.groups.append(frame.columns.pop(0))

    def _not_understood(self, frame: Frame) -> None:
        """Note a problem for every word that nothing took, words side by side together."""
        for token in frame.unknown_columns:
            columns = [column.name for column in self._last_columns()]
            known = frame.paths and self.around.columns(frame.paths[0][0])
            names = [column.name for column in known] if known else columns
            if names:
                message = f"there is no column {token.text!r} here; {suggestion(token.text, names)}"
                self.b.problems.append(problem("plan/unknown-column", token, message))
            else:
                frame.unknown.append(token)
        for token in [token for token in frame.unknown if token.word in NO_TOOL]:
            message = f"there is no tool that {NO_TOOL[token.word]}; register one: docs/guides/tools.md"
            self.b.problems.append(problem("plan/no-tool", token, message))
            frame.unknown.remove(token)
        if frame.unknown:
            spans: list[list[Token]] = []
            for token in sorted(frame.unknown, key=lambda t: t.start):
                if spans and token.start - spans[-1][-1].end <= 1:
                    spans[-1].append(token)
                else:
                    spans.append([token])
            for span in spans:
                text = " ".join(token.text for token in span)
                whole = Token("word", text, span[0].start, span[-1].end)
                there = self.around.columns(frame.paths[0][0]) if frame.paths else self._last_columns()
                hint = f"; its columns are {', '.join(column.name for column in there)}" if there else ""
                message = f"I do not know what {text!r} means here{hint}"
                self.b.problems.append(problem("plan/not-understood", whole, message))
