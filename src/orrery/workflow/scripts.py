"""Commands in workflow files: references in a shell script reach the shell as variables, never as code.

`run: rm -r ${{ inputs.folder }}` becomes the script `rm -r "$ORRERY_1"` with the folder in the environment, so
a folder named "x; reboot" is a folder with an odd name and nothing else. In a list of arguments every item is
one argument, whatever it holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from orrery.graph import Ref, Template
from orrery.workflow.references import ReferenceSyntax

STOP_AT_FAILURE = "set -e; "
"""As CI systems do: the first command that fails ends the script."""


def vector_arguments(vector: Sequence[Any], more: dict[str, Any]) -> dict[str, Any]:
    """The arguments of "shell.run" for a list of program and arguments; `more` is what stands under `with`.

    What a reference amounts to becomes text when it is known.
    """
    return {"command": [Template([part]) if isinstance(part, Ref) else part for part in vector], **more}


def script_arguments(script: str | Ref | Template, more: dict[str, Any]) -> dict[str, Any]:
    """The arguments of "shell.script" for a script with references; `more` is what stands under `with`.

    Raises:
        ReferenceSyntax: the variables have no place, because the whole environment is a reference.
    """
    parts = script.parts if isinstance(script, Template) else (script,)
    text, variables = with_variables(parts)
    env = more.get("env", {})
    args = {"script": STOP_AT_FAILURE + text, **more}
    if not variables:
        return args
    if isinstance(env, dict):
        return {**args, "env": {**env, **variables}}
    raise ReferenceSyntax(
        "the script holds references, which reach it as variables, so 'env' must be written out as a map"
    )


def with_variables(parts: Sequence[str | Ref]) -> tuple[str, dict[str, Template]]:
    """The script with a quoted variable in the place of every reference, and the variables' values."""
    variables: dict[str, Template] = {}
    names: dict[Ref, str] = {}
    text = ""
    quote = ""
    for part in parts:
        if isinstance(part, str):
            text += part
            quote = _open_quote(part, quote)
            continue
        name = names.setdefault(part, f"ORRERY_{len(names) + 1}")
        variables[name] = Template([part])
        use = f"${{{name}}}"
        text += {"": f'"{use}"', '"': use, "'": f"'\"{use}\"'"}[quote]
    return text, variables


def _open_quote(text: str, quote: str) -> str:
    """Which quote is open after a piece of shell text that began inside `quote`."""
    at = 0
    while at < len(text):
        character = text[at]
        if character == "\\" and quote != "'":
            at += 1
        elif character == "#" and not quote and (at == 0 or text[at - 1].isspace()):
            end = text.find("\n", at)  # an apostrophe in a comment opens nothing
            at = len(text) if end < 0 else end
        elif character in "\"'" and quote in ("", character):
            quote = "" if quote else character
        at += 1
    return quote
