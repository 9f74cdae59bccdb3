"""Columns: how the columns of a table become the inputs of a workflow."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from orrery.errors import BadRowError, InputError, suggestion
from orrery.runtime.batch.table import TableRow
from orrery.workflow.workflow import InputSpec


class Columns:
    """A workflow's inputs, each from the column of its name or from a constant that is the same for every row.

    Args:
        workflow: its name, for messages.
        inputs: what it takes.
        constants: inputs that no column gives, read already.
        ignore_extra: columns that are no input are passed over.

    Raises:
        InputError: an input can come from neither.
    """

    def __init__(
        self,
        workflow: str,
        inputs: Mapping[str, InputSpec],
        constants: Mapping[str, Any],
        *,
        ignore_extra: bool = False,
    ) -> None:
        self._workflow, self._inputs, self._ignore_extra = workflow, inputs, ignore_extra
        self._constants = dict(constants)
        self._varying = {name: spec for name, spec in inputs.items() if name not in constants and not spec.static}
        self._fixed = {name: spec.default for name, spec in inputs.items() if spec.static} | self._constants

    @property
    def names(self) -> tuple[str, ...]:
        """The inputs that come from columns."""
        return tuple(self._varying)

    def check_names(self, columns: Collection[str]) -> None:
        """Whether a table with these columns fits. Raises InputError with every column at fault."""
        problems = [self._extra(name) for name in columns if name not in self._varying]
        problems += [
            f"there is no column {name!r}, which {self._workflow!r} needs; "
            f"{suggestion(name, columns)} (-i {name}=VALUE gives the same to every row)"
            for name, spec in self._varying.items()
            if spec.required and name not in columns
        ]
        if any(problems):
            raise InputError("\n".join(filter(None, problems)))

    def _extra(self, name: str) -> str:
        """Why a column that is no varying input is wrong; "" where it is not."""
        if name in self._constants:
            return f"input {name!r} is given twice: by a column and by -i; leave one away"
        spec = self._inputs.get(name)
        if spec is not None:
            return f"input {name!r} is static: it shapes the graph, so it is the same for every row; give it by -i"
        if self._ignore_extra:
            return ""
        known = suggestion(name, self._varying) if self._varying else "it takes none from a table"
        return f"column {name!r} is no input of {self._workflow!r}; {known} (--ignore-extra-columns passes over it)"

    def bind(self, row: TableRow) -> dict[str, Any]:
        """The row's inputs, each read as its type. Raises BadRowError at the first cell that does not fit."""
        if row.wrong:
            raise BadRowError(row.number, "", row.wrong)
        bound = dict(self._fixed)
        for name, spec in self._varying.items():
            value = row.values.get(name)
            if value is None and (spec.type != "any" or name not in row.values):
                if spec.required:
                    raise BadRowError(row.number, name, "it is missing")
                bound[name] = spec.default
            elif value == "" and spec.type not in ("string", "any"):
                if spec.required:
                    raise BadRowError(row.number, name, f"it is empty, where {spec.type} is wanted")
                bound[name] = spec.default
            else:
                try:
                    bound[name] = spec.read(value)
                except InputError as error:
                    raise BadRowError(row.number, name, str(error).removeprefix(f"input {name!r} ")) from error
        for name in row.values:
            if name not in self._varying and (wrong := self._extra(name)):
                raise BadRowError(row.number, name, wrong)
        return bound
