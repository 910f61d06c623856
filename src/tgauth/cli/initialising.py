"""`tgauth init`: a few questions, and a settings file made of the answers."""

import os
import shlex
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

import anyio
import click

from tgauth.cli.operating import breakable
from tgauth.cli.running import fail
from tgauth.settings import CONFIG_FILE, FILE_NAME, Field, fields, understand

_FIELDS: Final = {one.toml: one for one in fields()}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """One question, and the option that answers it in advance."""

    name: str
    flag: str
    prompt: str
    about: str
    is_needed: bool = False
    is_hidden: bool = False


_BOT: Final = _Question(
    name="telegram.token",
    flag="--token-file",
    prompt="Token",
    about="The bot's token. Make a bot with @BotFather in Telegram (/newbot), and paste what it "
    "gives you.\nIt is not shown while you type.",
    is_needed=True,
    is_hidden=True,
)
_ISSUER: Final = _Question(
    name="issuer",
    flag="--issuer",
    prompt="Address",
    about="The address under which browsers reach tgauth, like https://login.example.org\n"
    "(http://127.0.0.1:8000 to try it on this machine).",
    is_needed=True,
)
_ALLOW: Final = _Question(
    name="login.allow",
    flag="--allow",
    prompt="Who may log in",
    about="Who may log in? Telegram ids separated by commas, or everyone.\n"
    "You do not know your id? Answer 1 for now: the bot tells people who are not on the list\n"
    "theirs.",
    is_needed=True,
)
_CALLBACK: Final = _Question(
    name="login.callback_url",
    flag="--callback-url",
    prompt="Callback",
    about="The address in your application that takes ?code=… after a login.\n"
    "Leave it empty if there is none yet: people then land on a small account page.",
)
_NAME: Final = _Question(
    name="login.application_name",
    flag="--application-name",
    prompt="Name",
    about="What people read as the name of your application. Leave it empty to decide later.",
)
_SERVER: Final = _Question(
    name="telegram.api_url", flag="--api-url", prompt="Bot API server", about=""
)


@click.command()
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=FILE_NAME,
    show_default=True,
    help="The file to write.",
)
@click.option("--force", is_flag=True, help="Replace the file where there is one.")
@click.option(
    "--token-file",
    type=click.File(encoding="utf-8-sig"),
    help="Take the bot's token from this file (- for standard input) and copy it.",
)
@click.option("--issuer", help="The address under which browsers reach tgauth.")
@click.option("--allow", help="Who may log in: everyone, or Telegram ids.")
@click.option("--callback-url", help="Where your application takes ?code=…; '' for none.")
@click.option("--application-name", help="What people read as its name; '' to leave it open.")
@click.option("--api-url", help="The Bot API server, when you run your own.")
def init(  # noqa: PLR0913 - one for each option
    *,
    output: Path,
    force: bool,
    token_file: TextIO | None,
    issuer: str | None,
    allow: str | None,
    callback_url: str | None,
    application_name: str | None,
    api_url: str | None,
) -> None:
    """Ask what is needed, and write tgauth.toml.

    Each answer is checked at once. Options answer in advance.
    """
    if output.exists() and not force:
        fail(f"{output} is there already; --force replaces it", os.EX_CANTCREAT)
    if not output.absolute().parent.is_dir():
        fail(f"{output}: the folder {output.absolute().parent} does not exist", os.EX_CANTCREAT)
    given = {_ISSUER: issuer, _ALLOW: allow, _CALLBACK: callback_url, _NAME: application_name}
    _need_a_terminal({_BOT: token_file, **given})
    with breakable("nothing was written"):
        # What was given is looked at first: nobody should answer questions to hear of a wrong
        # option.
        ready = {one: _given(one, text) for one, text in given.items() if text is not None}
        server = _given(_SERVER, api_url) if api_url else None
        chosen = {
            _SERVER.name: server,
            _BOT.name: _token(token_file, server or str(_FIELDS[_SERVER.name].default)),
            **{one.name: ready[one] if one in ready else _open_answer(one) for one in given},
        }
    _write(output, {name: text for name, text in chosen.items() if text}, may_replace=force)


def _need_a_terminal(given: Mapping[_Question, object]) -> None:
    missing = [one.flag for one, answer in given.items() if one.is_needed and answer is None]
    if missing and not sys.stdin.isatty():
        raise click.UsageError(f"there is no terminal to ask at: give {', '.join(missing)}")


def _open_answer(question: _Question) -> str | None:
    return _asked(question) if question.is_needed or sys.stdin.isatty() else None


def _given(question: _Question, text: str) -> str | None:
    """Return what an option says, or end with what is wrong about it."""
    if not text and not question.is_needed:
        return None
    try:
        return _checked(_FIELDS[question.name], text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=question.flag) from None


def _asked(question: _Question, accept: Callable[[str], str] | None = None) -> str | None:
    """Ask until the answer is good; None for an empty one where none is needed."""
    click.echo(f"\n{question.about}")
    while True:
        text = click.prompt(
            question.prompt, default="", show_default=False, hide_input=question.is_hidden
        ).strip()
        if not text and not question.is_needed:
            return None
        try:
            checked = _checked(_FIELDS[question.name], text)
            return accept(checked) if accept is not None else checked
        except ValueError as error:
            click.echo(f"That will not do: {error}.")


def _checked(field: Field, text: str) -> str:
    """Return a value in its proper form.

    Raises:
        ValueError: It is wrong; the message says what was expected.
    """
    try:
        value = understand(field, text.strip())
    except ValueError as error:
        raise ValueError(f"{error}; expected {field.description}") from None
    return text.strip() if field.is_secret else str(value)


def _token(given: TextIO | None, api_url: str) -> str | None:
    def accept(token: str) -> str:
        return _known_to_telegram(token, api_url)

    if given is None:
        return _asked(_BOT, accept)
    try:
        text = given.read()
    except (OSError, ValueError):
        raise click.BadParameter("it cannot be read as text", param_hint=_BOT.flag) from None
    token = _given(_BOT, text)
    try:
        return accept(str(token))
    except ValueError as error:
        fail(f"{_BOT.flag}: {error}", os.EX_CONFIG)


def _known_to_telegram(token: str, api_url: str) -> str:
    """Return the token; say whose it is, where Telegram can be asked.

    Raises:
        ValueError: Telegram refuses it.
    """
    from tgauth.bot.inspection import TelegramUnreachable, inspect_bot
    from tgauth.bot.options import BotAddress
    from tgauth.bot.process import BotTokenRefused

    click.echo("Asking Telegram …")
    address = BotAddress(token=token, api_url=api_url)

    async def ask() -> str:
        return (await inspect_bot(address)).username

    try:
        click.echo(f"It is the token of @{anyio.run(ask)}.")
    except TelegramUnreachable as error:
        click.echo(f"Could not reach Telegram ({error}); going on without checking the token.")
    except BotTokenRefused:
        raise ValueError("Telegram refuses it; take the current token from @BotFather") from None
    return token


def _write(output: Path, chosen: dict[str, str], *, may_replace: bool) -> None:
    from tgauth.settings.writing import composed, write_new

    try:
        write_new(output, composed(chosen), may_replace=may_replace)
    except FileExistsError:
        fail(f"{output} is there already; --force replaces it", os.EX_CANTCREAT)
    except OSError as error:
        fail(f"{output} cannot be written: {error.strerror}", os.EX_CANTCREAT)
    click.echo(f"\nWrote {output}, readable by this account alone.")
    overriding = [one.variable for one in fields() if one.variable in os.environ]
    if overriding:
        click.echo(f"The environment overrides it, and has {', '.join(overriding)}.")
    is_found = output.absolute() == Path(FILE_NAME).absolute() and CONFIG_FILE not in os.environ
    command = "tgauth" if is_found else f"tgauth --config {shlex.quote(str(output))}"
    click.echo(f"Next: {command} check\nThen: {command} serve")
