"""What can be set: one struct for each section, and one description for each setting."""

from pathlib import Path
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from tgauth.domain.links import TELEGRAM_LINKS
from tgauth.settings.sockets import Host, SocketMode
from tgauth.settings.values import (
    Allowed,
    BotToken,
    CallbackUrl,
    ClientSecret,
    Colour,
    DisplayName,
    IssuerUrl,
    LinkUrl,
    LogoFile,
    MetricsToken,
    Networks,
    Senders,
)

#: A client id: visible ASCII.
CLIENT_ID: Final = r"^[\x21-\x7e]{1,100}$"
_DAY: Final = 86400


class Telegram(Struct, frozen=True, kw_only=True):
    """`[telegram]`, `TGAUTH_TELEGRAM__…`."""

    token: Annotated[
        BotToken, Meta(description="the bot's token from @BotFather, like 123456:ABC-DEF")
    ]
    api_url: Annotated[
        str,
        Meta(
            description="an http(s) address of a Bot API server, without a trailing slash",
            pattern="^https?://[^/?#]+(/[^?#]*)?$",
        ),
    ] = "https://api.telegram.org"
    link_url: Annotated[
        str,
        Meta(
            description="an http(s) address that links to the bot begin with, without a trailing "
            "slash",
            pattern="^https?://[^/?#]+(/[^?#]*[^/?#])?$",
        ),
    ] = TELEGRAM_LINKS
    mode: Annotated[Literal["polling", "webhook"], Meta(description="'polling' or 'webhook'")] = (
        "polling"
    )
    webhook_networks: Annotated[
        Senders,
        Meta(
            description="'telegram' (Telegram's own networks), or addresses or networks like "
            "192.0.2.0/24 that updates may come from"
        ),
    ] = Senders()
    messages_per_second: Annotated[
        int, Meta(description="a number of messages, 1 to 1000", ge=1, le=1000)
    ] = 30


class Database(Struct, frozen=True, kw_only=True):
    """`[database]`, `TGAUTH_DATABASE__…`."""

    path: Annotated[Path, Meta(description="where the SQLite file is or shall be")] = Path(
        "tgauth.db"
    )


class Api(Struct, frozen=True, kw_only=True):
    """`[api]`, `TGAUTH_API__…`."""

    host: Annotated[
        Host,
        Meta(
            description="an address or name of this machine to listen on, or unix: and the path of "
            "a socket, like unix:/run/tgauth/api.sock"
        ),
    ] = Host("127.0.0.1")
    port: Annotated[int, Meta(description="a port number, 0 to 65535", ge=0, le=65535)] = 8000
    socket_mode: Annotated[
        SocketMode, Meta(description="permissions in octal, like 0660 or 0666")
    ] = SocketMode("0660")
    workers: Annotated[int, Meta(description="a number of processes, 1 to 64", ge=1, le=64)] = 1
    trusted_proxies: Annotated[
        Networks,
        Meta(description="addresses or networks of your proxies, like 10.0.0.0/8,192.0.2.7"),
    ] = Networks()
    failures_per_minute: Annotated[
        int, Meta(description="a number of failed attempts, 1 to 10000", ge=1, le=10000)
    ] = 100
    logins_per_minute: Annotated[
        int,
        Meta(
            description="a number of logins begun in browsers of one network address, 1 to 10000",
            ge=1,
            le=10000,
        ),
    ] = 60


class Login(Struct, frozen=True, kw_only=True):
    """`[login]`, `TGAUTH_LOGIN__…`."""

    allow: Annotated[
        Allowed,
        Meta(
            description="either 'everyone', or the Telegram ids of the people who may log in, "
            "like 12345678,87654321"
        ),
    ]
    callback_url: Annotated[
        CallbackUrl | None,
        Meta(
            description="the https address in your application that takes ?code=… (plain http "
            "only on this machine), without a fragment"
        ),
    ] = None
    client_id: Annotated[
        str, Meta(description="1 to 100 visible ASCII characters", pattern=CLIENT_ID)
    ] = "default"
    client_secret: Annotated[
        ClientSecret | None,
        Meta(description="at least 16 characters that your application proves itself with"),
    ] = None
    # Without a default here: where nobody sets one, it is the client id.
    application_name: Annotated[
        DisplayName,
        Meta(description="1 to 60 printable characters: your application's name for people"),
    ]
    requests_per_minute: Annotated[
        int, Meta(description="a number of /login for each person, 1 to 60", ge=1, le=60)
    ] = 10
    code_ttl: Annotated[
        int, Meta(description="a number of seconds, 10 to 3600", ge=10, le=3600)
    ] = 120
    approval_ttl: Annotated[
        int, Meta(description="a number of seconds, 30 to 900", ge=30, le=900)
    ] = 300
    places: Annotated[
        Path | None,
        Meta(description="a file in MaxMind's format (.mmdb) that says where addresses are"),
    ] = None
    token_ttl: Annotated[
        int, Meta(description="a number of seconds, 60 to 86400", ge=60, le=_DAY)
    ] = 900


class Session(Struct, frozen=True, kw_only=True):
    """`[session]`, `TGAUTH_SESSION__…`."""

    ttl: Annotated[
        int, Meta(description="a number of seconds, 300 to 31536000", ge=300, le=365 * _DAY)
    ] = 30 * _DAY
    idle_ttl: Annotated[
        int,
        Meta(
            description="a number of seconds, 300 to 31536000, not above TGAUTH_SESSION__TTL",
            ge=300,
            le=365 * _DAY,
        ),
    ] = 7 * _DAY


class Audit(Struct, frozen=True, kw_only=True):
    """`[audit]`, `TGAUTH_AUDIT__…`."""

    keep_days: Annotated[int, Meta(description="a number of days, 1 to 3650", ge=1, le=3650)] = 90


class Metrics(Struct, frozen=True, kw_only=True):
    """`[metrics]`, `TGAUTH_METRICS__…`."""

    host: Annotated[
        str, Meta(description="an address or name of this machine to listen on", min_length=1)
    ] = "127.0.0.1"
    port: Annotated[
        Annotated[int, Meta(ge=0, le=65535)] | None,
        Meta(description="a port number, 0 to 65535, other than TGAUTH_API__PORT"),
    ] = None
    token: Annotated[
        MetricsToken | None,
        Meta(description="at least 16 visible ASCII characters that Prometheus sends along"),
    ] = None

    @property
    def is_on(self) -> bool:
        """Whether anything is measured at all."""
        return self.port is not None or self.token is not None


class Branding(Struct, frozen=True, kw_only=True):
    """`[branding]`, `TGAUTH_BRANDING__…`."""

    name: Annotated[
        DisplayName | None,
        Meta(description="1 to 60 printable characters: whose login this is"),
    ] = None
    logo: Annotated[
        LogoFile | None,
        Meta(description="a .svg, .png, .webp or .jpg file of at most 256 KiB"),
    ] = None
    accent: Annotated[Colour | None, Meta(description="a colour like #2a6fdb")] = None
    privacy_url: Annotated[
        LinkUrl | None,
        Meta(description="the https address of your privacy notice (http only on this machine)"),
    ] = None
    imprint_url: Annotated[
        LinkUrl | None,
        Meta(description="the https address of your imprint (http only on this machine)"),
    ] = None


class LogSettings(Struct, frozen=True, kw_only=True):
    """`[log]`, `TGAUTH_LOG__…`."""

    format: Annotated[Literal["text", "json"], Meta(description="'text' or 'json'")] = "text"
    level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Meta(description="'debug', 'info', 'warning' or 'error'"),
    ] = "info"


class Settings(Struct, frozen=True, kw_only=True):
    """Everything that an operator can set."""

    issuer: Annotated[
        IssuerUrl,
        Meta(
            description="the address under which browsers reach tgauth, like "
            "https://login.example.org (plain http only on this machine)"
        ),
    ]
    telegram: Telegram
    login: Login
    database: Database = Database()
    secret_file: Annotated[
        Path | None,
        Meta(description="where the master key is; by default beside the database"),
    ] = None
    api: Api = Api()
    session: Session = Session()
    audit: Audit = Audit()
    metrics: Metrics = Metrics()
    branding: Branding = Branding()
    log: LogSettings = LogSettings()

    @property
    def metrics_path(self) -> Path:
        """Where the processes keep what they count."""
        return self.database.path.with_name(self.database.path.name + ".metrics")

    @property
    def master_key_path(self) -> Path:
        """Where the master key is."""
        if self.secret_file is not None:
            return self.secret_file
        return self.database.path.with_name(self.database.path.name + ".key")
