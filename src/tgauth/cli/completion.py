"""`tgauth completion`: the script that teaches a shell our commands."""

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion script of a shell.

    For bash: add the line  eval "$(tgauth completion bash)"  to ~/.bashrc.
    """
    made = get_completion_class(shell)
    if made is None:
        raise click.UsageError(f"click knows no completion for {shell}")
    name = "tgauth"
    click.echo(made(context.find_root().command, {}, name, f"_{name.upper()}_COMPLETE").source())
