"""Commands: parse, load the settings, call.

Owns: what is typed and printed at a terminal, one module for each theme, and the exit codes, which
are a contract written down in docs/commands.md. Refuses: to know how anything is done. Each command
imports what it runs only when it runs.
"""

import sys


def main() -> None:
    """Run the command line of this process.

    `serve`, `run api` and `run bot` go past click and the other commands, which is a tenth of a
    second less for each of three processes; with options they come through click, to the same end.
    """
    from tgauth.cli.starting import start_if_process

    start_if_process(tuple(sys.argv[1:]))
    from tgauth.cli.commands import main as commands

    commands(prog_name="tgauth")
