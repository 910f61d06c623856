"""Make a settings file: what was chosen, and as comments what else could be."""

import contextlib
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_TEMPLATE: Final = """\
# Settings of tgauth, made by `tgauth init`. All there are: docs/settings.md.
# A variable in the environment (TGAUTH_ISSUER, TGAUTH_LOGIN__ALLOW, ...) overrides its line here.
# Relative paths start at this file's folder. This file holds a secret: keep its mode at 0600.

# The address under which browsers reach tgauth. Cookies and links are made from it.
{issuer}

[telegram]
# The bot's token from @BotFather. token_file = "PATH" keeps it in a file of its own.
{telegram.token}
# The Bot API server, when you run your own.
{telegram.api_url}
# What links to the bot's chat begin with. Where the server is a sandbox: its address.
# link_url = "https://t.me"

[login]
# Who may log in: "everyone", or Telegram ids like [12345678, 87654321].
{login.allow}
# The address in your application that takes ?code=... after a login.
{login.callback_url}
# What people read as the name of your application.
{login.application_name}
# What your application calls itself in its tokens (client_id, aud).
# client_id = "default"
# When set, your application must send it with every code that it exchanges.
# client_secret = "at least 16 characters"

[database]
# The SQLite file. The master key appears beside it: back up both.
# path = "tgauth.db"

[api]
# Where the API listens. A proxy with TLS stands in front of it.
# host = "127.0.0.1"
# port = 8000
# Whose X-Forwarded-For is believed: your proxies.
# trusted_proxies = ["127.0.0.1"]
"""

#: What stands where somebody left a question open.
_EXAMPLES: Final = {
    "telegram.api_url": "https://api.telegram.org",
    "login.callback_url": "https://app.example.org/callback",
    "login.application_name": "My application",
}


def composed(chosen: Mapping[str, str]) -> str:
    """Return the text of a settings file.

    Args:
        chosen: Values by their names in the file, as a person would write them.
    """
    text = _TEMPLATE
    for name in ("issuer", "telegram.token", "login.allow", *_EXAMPLES):
        key = name.rpartition(".")[2]
        value = chosen.get(name)
        line = (
            f"# {key} = {_quoted(_EXAMPLES[name])}"
            if value is None
            else f"{key} = {_spelled(name, value)}"
        )
        text = text.replace(f"{{{name}}}", line, 1)
    if chosen.get("issuer", "").startswith("https:"):
        # Then a proxy has TLS, and most of them are on this machine: without this, all visitors
        # would count as one address.
        text = text.replace("# trusted_proxies", "trusted_proxies")
    return text


def write_new(path: Path, text: str, *, may_replace: bool) -> None:
    """Write a file for this account alone, so that nobody ever sees half of it.

    Raises:
        FileExistsError: It is there already, and must not be replaced.
        OSError: It cannot be written.
    """
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(descriptor, 0o600)  # whatever the umask
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        if may_replace:
            temporary.replace(path)
        else:
            os.link(temporary, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()


def _spelled(name: str, value: str) -> str:
    if name == "login.allow" and value != "everyone":
        return f"[{', '.join(value.replace(',', ' ').split())}]"
    return _quoted(value)


def _quoted(text: str) -> str:
    # A TOML basic string has JSON's escapes; values are printable, so nothing else needs one.
    return json.dumps(text, ensure_ascii=False)
