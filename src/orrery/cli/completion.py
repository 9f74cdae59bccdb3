"""`orrery completion`."""

from __future__ import annotations

from typing import Literal

from orrery.cli.screen import out, say
from orrery.errors import OutsideError, RequestError

Shell = Literal["bash", "zsh", "fish", "powershell"]


def completion(shell: Shell | None = None, *, install: bool = False) -> int:
    """Print the script that completes commands, options and names of runs, or install it.

    Args:
        shell: For which shell; the present one unless given.
        install: Write it to where the shell looks for it, and name it in the shell's startup file.
    """
    from cyclopts.completion import ShellDetectionError

    from orrery.cli.commands import parser

    app = parser()
    try:
        if not install:
            print(app.generate_completion(shell=shell))
            return 0
        path = app.install_completion(shell=shell)
    except ShellDetectionError as error:
        raise RequestError("the shell cannot be told; name it: bash, zsh, fish or powershell") from error
    except OSError as error:
        raise OutsideError(f"the script cannot be installed: {error}") from error
    say(out(), f"installed {path}; it works in shells that are opened from now on")
    return 0
