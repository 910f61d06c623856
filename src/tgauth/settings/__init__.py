"""Settings: read once at the start, and mistakes stop the start with their exact keys.

Owns: what can be set, from where (defaults, then `tgauth.toml`, then the environment), what each
value must be, and the words for whatever is wrong. Refuses: to know what a setting is good for,
and to let a secret into a message. Every process imports it, so it stays light.
"""

from tgauth.settings.fields import CONFIG_FILE, PREFIX, Field, fields, keys
from tgauth.settings.loading import Reading, Value, load_settings, read_settings, understand
from tgauth.settings.mistakes import ConfigurationError, Mistake
from tgauth.settings.model import (
    Api,
    Branding,
    Database,
    Login,
    LogSettings,
    Session,
    Settings,
    Telegram,
)
from tgauth.settings.sources import FILE_NAME, Origin
from tgauth.settings.values import Secret

__all__ = [
    "CONFIG_FILE",
    "FILE_NAME",
    "PREFIX",
    "Api",
    "Branding",
    "ConfigurationError",
    "Database",
    "Field",
    "LogSettings",
    "Login",
    "Mistake",
    "Origin",
    "Reading",
    "Secret",
    "Session",
    "Settings",
    "Telegram",
    "Value",
    "fields",
    "keys",
    "load_settings",
    "read_settings",
    "understand",
]
