"""Every error Orrery raises, in three families, and the form in which an error travels as a value.

`RequestError`: what was asked for is wrong (exit status 2). `OutsideError`: the world did something:
a disk is full, a process died. `InternalError`: we broke a promise of our own. Each class has a stable
`code`, which is also its heading in docs/reference/errors.md. Imports nothing of Orrery.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import ClassVar, Literal

import msgspec


class OrreryError(Exception):
    """The root of every error that Orrery raises on purpose."""

    code: ClassVar[str] = "error"


class RequestError(OrreryError):
    """The request itself is wrong: nothing was started and nothing was lost."""

    code = "request"


class OutsideError(OrreryError):
    """The outside world failed us: a disk, a process, a network, a store."""

    code = "outside"


class InternalError(OrreryError):
    """Orrery broke a rule of its own; please report it with the story attached."""

    code = "internal"


class Problem(msgspec.Struct, frozen=True):
    """One thing that is wrong, where it is, and the way out.

    `code` is stable, `place` says where ("task 'a', argument 'path'", or "flow.yaml:3:7").
    """

    code: str
    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message} [{self.code}]"


class ProblemsError(RequestError):
    """Several things are wrong at once; `problems` has them all."""

    code = "problems"

    def __init__(self, problems: Sequence[Problem], headline: str = "") -> None:
        self.problems = tuple(problems)
        lines = [str(problem) for problem in self.problems]
        super().__init__("\n".join([headline, *lines] if headline else lines))


class GraphError(ProblemsError):
    """The graph is not one that could run."""

    code = "graph"


class PatchRefused(ProblemsError):
    """A patch was refused whole; the graph stays as it was."""

    code = "patch-refused"


class ExpressionError(RequestError):
    """A condition could not be read, or could not be computed from the values it was given."""

    code = "expression"


class UnknownNameError(RequestError):
    """A name was looked up that nobody registered."""

    code = "unknown-name"

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.kind, self.name, self.known = kind, name, tuple(known)
        super().__init__(f"there is no {kind} {name!r}; {suggestion(name, self.known)}")


class AmbiguousNameError(RequestError):
    """A name could mean several things, and choosing one would be a guess."""

    code = "ambiguous-name"

    def __init__(self, kind: str, name: str, candidates: Iterable[str]) -> None:
        self.kind, self.name, self.candidates = kind, name, tuple(candidates)
        listed = ", ".join(repr(one) for one in self.candidates)
        super().__init__(f"the {kind} {name!r} could be any of {listed}; name the one that is meant")


class NameTakenError(RequestError):
    """Two things were registered under one name."""

    code = "name-taken"


class MissingExtraError(RequestError):
    """An optional part was used whose dependency is not installed."""

    code = "missing-extra"

    def __init__(self, extra: str, *, needed_for: str) -> None:
        self.extra = extra
        super().__init__(f"{needed_for} needs an optional part: pip install 'orrery[{extra}]'")


class MissingBrowserError(RequestError):
    """Something is to be measured in a browser, and there is none, nothing to drive it with, or nothing to show."""

    code = "missing-browser"


class OperationError(RequestError):
    """The function behind a task cannot be found or loaded."""

    code = "operation"


class ArgumentError(RequestError):
    """An operation was called with arguments that do not fit its signature; `problems` has them all."""

    code = "argument"

    def __init__(self, message: str, problems: Sequence[Problem] = ()) -> None:
        self.problems = tuple(problems)
        super().__init__(message)


class ToolDefinitionError(RequestError):
    """A function cannot be made a tool as it is written."""

    code = "tool-definition"


class InputError(RequestError):
    """A run was started with inputs that the workflow does not take, or without those it needs."""

    code = "input"


class BadRowError(InputError):
    """A row of a table does not fit the workflow's inputs; `column` is "" where it is the row as a whole."""

    code = "bad-row"

    def __init__(self, row: int, column: str, message: str) -> None:
        self.row, self.column, self.message = row, column, message
        super().__init__(f"row {row:,}{f', column {column!r}' if column else ''}: {message}")


class TableChangedError(RequestError):
    """The table of a batch is not the one with which it began."""

    code = "table-changed"


class RowsFailedError(RequestError):
    """Rows of a batch failed; the others are done, and the table of results says which is which."""

    code = "rows-failed"


class PromptError(RequestError):
    """A prompt is no prompt, or was filled with other fields than it has."""

    code = "prompt"


class AgentDefinitionError(RequestError):
    """An agent cannot be made as it is described."""

    code = "agent-definition"


class PlannerOptionError(RequestError):
    """A goal's options are not ones that its planner takes; the message has every one that is wrong."""

    code = "planner-option"


class WorkflowFileError(ProblemsError):
    """A workflow file cannot be read; every problem has its line and column."""

    code = "workflow-file"


class FlowError(RequestError):
    """A Python flow did something that cannot be traced into a graph."""

    code = "flow"


class ToolGraphError(ProblemsError):
    """A graph of tools cannot be used as it is written; every problem has its place."""

    code = "tool-graph"


class RouteError(RequestError):
    """A route was asked for in a way that cannot be meant, such as without saying what is wanted."""

    code = "route"


class McpSettingsError(ProblemsError):
    """The declared MCP servers cannot be used as they are written; every problem has its place in the file."""

    code = "mcp-settings"


class NotSerialisableError(RequestError):
    """A value cannot be written to the journal, so it could not survive a crash."""

    code = "not-serialisable"


class NotUnderstoodError(ProblemsError):
    """A request in plain words was not understood, or asks for what no tool does; `problems` has every reason."""

    code = "not-understood"


class UnknownRunError(RequestError):
    """No run of that name is in the store."""

    code = "unknown-run"


class RunEndedError(RequestError):
    """The run has ended, so there is nothing left to do with it."""

    code = "run-ended"


class AnsweredError(RequestError):
    """A question has been answered by somebody else meanwhile."""

    code = "answered"


class RunFailedError(RequestError):
    """The output of a run was asked for that did not succeed."""

    code = "run-failed"


class RunExistsError(RequestError):
    """A run of that name is in the store already."""

    code = "run-exists"


class RunNameError(RequestError):
    """A text cannot be the name of a run."""

    code = "run-name"


class NotBegunError(ProblemsError):
    """A command that was to begin a run, or to go on with one, said that it cannot; `problems` has what it said."""

    code = "not-begun"


class NotPrivateError(RequestError):
    """A file that holds a secret may be read or written by others, so it is not used."""

    code = "not-private"


class ListenError(RequestError):
    """The dashboard cannot, or should not, listen at an address."""

    code = "listen"


class ModelSettingsError(ProblemsError):
    """The settings of the models cannot be used; every problem has its place in the file."""

    code = "model-settings"


class ModelKeyError(RequestError):
    """A provider of models needs a key, and there is none where it was to be."""

    code = "model-key"


class ModelScriptError(RequestError):
    """The script of a simulated model cannot be read, or says nothing of a request; the message has every fault."""

    code = "model-script"


class StoreUrlError(RequestError):
    """The URL of a store cannot be read."""

    code = "store-url"


class GrowthLimitError(RequestError):
    """A graph grew past its cap on tasks, width or depth."""

    code = "growth-limit"


class StoreError(OutsideError):
    """The store cannot be read or written."""

    code = "store"


class StoreFullError(StoreError):
    """There is no space left where the store lives; what was committed is safe."""

    code = "store-full"


class StoreReadOnlyError(StoreError):
    """The store's folder cannot be written."""

    code = "store-read-only"


class StoreVersionError(StoreError):
    """The store was written by a newer Orrery than this one."""

    code = "store-version"


class CorruptionError(StoreError):
    """The store's content does not match its checksums: it was damaged, and nothing is guessed."""

    code = "corruption"


class ResultNotKeptError(StoreError):
    """An attempt succeeded, but the store could not take its result; the run stops, to be resumed."""

    code = "result-not-kept"


class RunLockedError(OutsideError):
    """Another process is driving this run."""

    code = "run-locked"


class FencedError(OutsideError):
    """Another process took this run over; what this one wrote since was refused."""

    code = "fenced"


class ReplayDivergedError(OutsideError):
    """The recorded history and this code disagree; `seq` is the first event that differs."""

    code = "replay-diverged"

    def __init__(self, seq: int, message: str) -> None:
        self.seq = seq
        super().__init__(f"event {seq}: {message}")


class PlugInError(OutsideError):
    """Another package offers a thing under this name that cannot be loaded."""

    code = "plug-in"


class WorkerLostError(OutsideError):
    """The process that ran a task died without an answer."""

    code = "worker-lost"


class TooManyStreamsError(OutsideError):
    """As many streams of changes are open as a server allows."""

    code = "too-many-streams"


class SlowStartError(OutsideError):
    """A command that was to begin a run has not done so within its time; it may still."""

    code = "slow-start"


class TransportUrlError(RequestError):
    """The URL of a hub or a device cannot be used."""

    code = "transport-url"


class EnrolmentError(RequestError):
    """A device cannot be enrolled, renamed or revoked as was asked."""

    code = "enrolment"


class HubRefusedError(RequestError):
    """A hub does not let this device or client in; the message says why."""

    code = "hub-refused"


class HubNotHereError(RequestError):
    """The registry of the hub is not in this folder, so nobody can be let in, drained or revoked from it."""

    code = "hub-not-here"


class PageNotBuiltError(RequestError):
    """The page of the dashboard is wanted, and this checkout has not built it."""

    code = "page-not-built"


class HubLockedError(OutsideError):
    """Another hub works in this state folder."""

    code = "hub-locked"


class ConnectionLostError(OutsideError):
    """The other end of a connection is gone, or was never reached."""

    code = "connection-lost"


class MessageTooLargeError(OutsideError):
    """A message is larger than the other end takes in."""

    code = "message-too-large"


class ProtocolError(OutsideError):
    """The other end sent what the fleet's protocol does not allow."""

    code = "protocol"


class NoDeviceError(OutsideError):
    """No device of the fleet can do a task, or none came back in time; the message says what is missing."""

    code = "no-device"


class DeviceLostError(OutsideError):
    """The device that had a task is gone."""

    code = "device-lost"


class NotAllowedError(OutsideError):
    """A device does not perform this: its owner has not allowed it."""

    code = "not-allowed"


class ToolError(OutsideError):
    """A tool could not do its work; `severity` says whether trying again may help."""

    code = "tool"

    def __init__(self, message: str, *, severity: Severity = "permanent", retry_after_s: float | None = None) -> None:
        self.severity: Severity = severity
        self.retry_after_s = retry_after_s
        super().__init__(message)


class FileAccessError(ToolError):
    """The file system refused: no such file, no permission, no space."""

    code = "file-access"


class ContentError(ToolError):
    """What a tool was given to read is not what it should be: broken JSON, invalid UTF-8, a bad query."""

    code = "content"


class LimitReachedError(ToolError):
    """A tool stopped at one of its caps; the message names the argument that raises it."""

    code = "limit-reached"


class ToolTimeoutError(ToolError):
    """A tool did not end within the time it was given."""

    code = "tool-timeout"


class CommandError(ToolError):
    """A program could not be run, or ended with a status other than 0; `status` is None if it never began."""

    code = "command"

    def __init__(self, message: str, *, status: int | None = None, severity: Severity = "transient") -> None:
        self.status = status
        super().__init__(message, severity=severity)


class ProgramError(ToolError):
    """A program given as text failed; `line` is the line of it that did, where that is known."""

    code = "program"

    def __init__(self, message: str, *, line: int | None = None) -> None:
        self.line = line
        super().__init__(message)


class McpError(ToolError):
    """An MCP server could not be reached, died, or said that a tool failed."""

    code = "mcp"


class HttpError(ToolError):
    """A server refused a request, or could not be reached (`status` is None then)."""

    code = "http"

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        severity: Severity = "transient",
        retry_after_s: float | None = None,
    ) -> None:
        self.status = status
        super().__init__(message, severity=severity, retry_after_s=retry_after_s)


class ModelError(ToolError):
    """A model gave no usable answer; `status` is the HTTP status where its provider sent one that says why."""

    code = "model"

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        severity: Severity = "transient",
        retry_after_s: float | None = None,
    ) -> None:
        self.status = status
        super().__init__(message, severity=severity, retry_after_s=retry_after_s)


class PlannerReplyError(OutsideError):
    """A model, or a function in a model's place, was asked for a part of a plan and answered something else."""

    code = "planner-reply"
    severity: Severity = "permanent"


class NoWayError(OutsideError):
    """No way through a graph of tools was left, and nobody opened one; what could be taken back was."""

    code = "no-way"
    severity: Severity = "permanent"


class ToolRefusedError(OutsideError):
    """A tool was written for a need, and no version of it passed its tests; nothing was kept."""

    code = "tool-refused"
    severity: Severity = "permanent"


class ToolLibraryError(OutsideError):
    """A tool of the library is damaged, or is not what its digest says; it is not used."""

    code = "tool-library"
    severity: Severity = "permanent"


class AgentLimitError(OutsideError):
    """An agent used up its turns, its tokens or its corrections before it had an answer."""

    code = "agent-limit"
    severity: Severity = "permanent"


class IllegalTransitionError(InternalError):
    """An event arrived that the state it met does not allow."""

    code = "illegal-transition"


class InvariantError(InternalError):
    """A promise of the scheduler does not hold in the present state."""

    code = "invariant"


Severity = Literal["transient", "permanent", "effect-unknown"]


class Failure(msgspec.Struct, frozen=True, omit_defaults=True):
    """An error as a value: what a failed task leaves behind.

    `type` and `bases` are class names, nearest first, so that retry rules can match families; `code` is
    stable where the error is ours. `severity` decides what may be done next: transient faults may be
    retried, permanent ones not, and "effect-unknown" only with a person's word.
    """

    type: str
    message: str
    code: str = ""
    bases: tuple[str, ...] = ()
    severity: Severity = "transient"
    retry_after_s: float | None = None
    cause: Failure | None = None
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.type}: {self.message}"

    @classmethod
    def of(cls, error: BaseException, *, detail: str = "") -> Failure:
        """The failure that an exception amounts to; `detail` may hold its traceback."""
        if isinstance(error, PassedOnError):
            return error.failure
        cause = error.__cause__
        severity: Severity = "permanent" if isinstance(error, RequestError | InternalError) else "transient"
        return cls(
            type=type(error).__name__,
            message=str(error) or type(error).__name__,
            code=error.code if isinstance(error, OrreryError) else "",
            bases=tuple(c.__name__ for c in type(error).__mro__[1:-1] if c is not BaseException),
            severity=getattr(error, "severity", severity),
            retry_after_s=getattr(error, "retry_after_s", None),
            cause=cls.of(cause) if cause is not None else None,
            detail=detail,
        )


class PassedOnError(OutsideError):
    """Work that was done under another name failed; as a value it is that failure itself, and not a new one."""

    code = "passed-on"

    def __init__(self, failure: Failure) -> None:
        self.failure = failure
        super().__init__(str(failure))


def suggestion(name: str, known: Iterable[str], *, most: int = 8) -> str:
    """The half-sentence that helps after a mistyped name: the nearest known names, or all of them."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    if near:
        return "did you mean " + " or ".join(repr(n) for n in near) + "?"
    if not names:
        return "none are known"
    listed = ", ".join(repr(n) for n in names[:most])
    return f"known: {listed}" + (f" and {len(names) - most} more" if len(names) > most else "")
