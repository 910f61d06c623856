"""The commands as a whole: what is said when somebody types almost the right thing."""

from typing import Any

import click


class Commands(click.Group):
    """The group of all commands."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; say where --config stands when it stood behind the command.

        Raises:
            UsageError: It did.
        """
        try:
            return super().invoke(ctx)
        except click.NoSuchOption as error:
            if error.option_name != "--config" or error.ctx is None:
                raise
            command = error.ctx.command_path.removeprefix(ctx.command_path).strip()
            raise click.UsageError(
                f"--config goes before the command: tgauth --config PATH {command}", ctx=error.ctx
            ) from None
