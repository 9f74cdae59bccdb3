"""What runs inside the limited subprocess: calls a made tool and says of each call what came of it.

Run by python.run with `source`, `name`, `calls`, `modules` and `allowed` as its variables. `result` becomes a list
with one map for each call: {"value": ...} or {"error": ...}, with "refused" for a ValueError and "changed" if the
call changed its arguments; and at its end {"reached": [...]} with what the tool tried to reach outside, whether or
not it hid the refusal.
"""

# mypy: ignore-errors
# ruff: noqa: F821, BLE001, S102, SIM115, PERF401, UP012

import builtins
import copy
import importlib
import json
import os
import sys
import sysconfig

_reached = []
_LOADED_BY_C = ("_strptime",)  # by datetime, in the name of whoever calls it


def _guard():
    """The audit hook of a made tool. It cannot be taken off, and looks nothing up where the tool could put something
    else: should the code get hold of this program's variables, they hold no switch.
    """
    harmless = ("compile", "exec", "import", "marshal.", "object.__getattr__", "sys._getframe", "code.__new__")
    harmless += ("builtins.id", "re.")
    paths = (sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"))
    library = tuple({place + os.sep for path in paths for place in (path, os.path.realpath(path))})
    writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT
    outcome = os.path.abspath("outcome.json")  # which is written at the end, with the guard on
    reached, text, refused = _reached, str, PermissionError

    def audit(event, args):
        """Refuse what is no computation. Reading the standard library is: its modules are loaded when first used."""
        if event.startswith(harmless):
            return
        if event in ("os.listdir", "os.scandir", "open") and args[0].__class__ is text:
            reads = event != "open" or (args[1] in (None, "r", "rb") and not args[2] & writing)
            if reads and (args[0] + "/").startswith(library) and ".." not in args[0]:
                return
            if event == "open" and args[0] == outcome and args[1] == "w":
                return
        reached.append(f"{event} {text(args[0])[:80]}" if args else event)
        raise refused(f"a made tool reaches nothing outside: {event}")

    return audit


def _import(name, scope=None, local=None, wanted=(), level=0):
    if level or name not in (*modules, *_LOADED_BY_C):
        raise ImportError(f"a made tool may not import {name}")
    return builtins.__import__(name, scope, local, wanted, level)


def _called(function, args):
    before = copy.deepcopy(args)
    try:
        value = function(**args)
        told = {"value": json.loads(json.dumps(value, allow_nan=False)), "kind": _kind(value)}
    except RecursionError:
        told = {"error": "RecursionError: it calls itself without end"}
    except MemoryError:
        told = {"error": "MemoryError: it needs more memory than it is given"}
    except BaseException as error:  # whatever a made tool raises is its answer
        told = {"error": f"{type(error).__name__}: {str(error)[:300]}", "refused": isinstance(error, ValueError)}
    if args != before or repr(args) != repr(before):
        told["changed"] = True
    return told


def _kind(value):
    """Whether the value is plain data of exact types, since JSON would make a list of a tuple."""
    if value is None or type(value) in (bool, int, float, str):
        return "plain"
    if type(value) is list:
        return next((kind for kind in map(_kind, value) if kind != "plain"), "plain")
    if type(value) is dict:
        strange = [key for key in value if type(key) is not str]
        return "dict with keys that are no text" if strange else _kind(list(value.values()))
    return type(value).__name__


for _module in (*modules, *_LOADED_BY_C):
    importlib.import_module(_module)  # before the guard: what they load themselves is theirs
"".encode("idna"), float("1").hex(), json.dumps([1.5]), "x".encode("utf-8").decode("latin-1")
sys.stdout = open(os.devnull, "w")
_room = {
    "__name__": "made",
    "__builtins__": {**{name: getattr(builtins, name) for name in allowed}, "__import__": _import},
}
result = []
sys.addaudithook(_guard())
try:
    exec(compile(source, "<made tool>", "exec"), _room)
    _function = _room[name]
    for _args in calls:
        result.append(_called(_function, _args))
except BaseException as error:
    result = [{"error": f"{type(error).__name__}: {str(error)[:300]}"} for _ in calls]
result.append({"reached": _reached})
