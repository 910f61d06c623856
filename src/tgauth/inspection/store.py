"""The store, its schema, the library that runs it, and the master key."""

import os
import stat
from pathlib import Path
from typing import Final

from tgauth.domain.errors import StoreUnavailable
from tgauth.inspection.findings import Finding, ok, warning, wrong
from tgauth.settings import Settings
from tgauth.store.inspection import (
    StoreFacts,
    has_wal_reset_bug,
    inspect_store,
    sqlite_version,
)
from tgauth.store.master_key import (
    MasterKeyUnusable,
    fingerprint_of,
    is_readable_by_others,
    read_master_key,
)

_STORE: Final = "store"
_SCHEMA: Final = "schema"
_KEY: Final = "master key"


async def store_findings(settings: Settings) -> tuple[list[Finding], StoreFacts | None]:
    """Look at the store; return what was found, and the store's facts where it has any."""
    path = settings.database.path
    misplaced = _misplaced(path)
    if misplaced is not None:
        return [misplaced], None
    if not path.exists():
        return [ok(_STORE, f"{path} will be made at the first start")], None
    try:
        facts = await inspect_store(path)
    except StoreUnavailable as error:
        advice = "see that this account can read it, or restore a backup"
        return [wrong(_STORE, f"{path}: {error}", advice)], None
    if not facts.is_ours:
        advice = "choose another file with TGAUTH_DATABASE__PATH"
        text = f"{path} is another program's database"
        return [wrong(_STORE, text, advice, is_configuration=True)], None
    return [_store_finding(path), _schema_finding(facts)], facts


def library_finding() -> Finding:
    """Say which SQLite runs, and what is known of it."""
    version = sqlite_version()
    if has_wal_reset_bug(version):
        return ok(
            "sqlite",
            f"{version}, which has the WAL-reset bug (mended in 3.51.3): "
            "tgauth's lock file keeps clear of it",
        )
    return ok("sqlite", version)


def key_finding(settings: Settings, facts: StoreFacts | None) -> Finding:
    """Look at the master key, and whether it is this store's."""
    path = settings.master_key_path
    known = facts.fingerprint if facts else None
    if not path.exists():
        return _missing_key(settings, known)
    try:
        key = read_master_key(path)
    except MasterKeyUnusable as error:
        return wrong(_KEY, str(error), "see docs/settings.md", is_configuration=True)
    if known is not None and fingerprint_of(key) != known:
        return wrong(
            _KEY,
            f"{path} belongs to another store",
            "put this store's own key there, from where its backup is",
            is_configuration=True,
        )
    mode = f"{path}, mode {stat.S_IMODE(path.stat().st_mode):04o}"
    if is_readable_by_others(path):
        return warning(_KEY, f"{mode}: others can use it", f"chmod 600 {path}")
    return ok(_KEY, f"{mode}, belongs to the store" if known else mode)


def _missing_key(settings: Settings, known: str | None) -> Finding:
    path = settings.master_key_path
    if known is not None:
        text = f"{path} is missing"
        advice = "restore it from where its backup is, or `tgauth keys renew --master-key-lost`"
    elif settings.secret_file is not None:
        text, advice = f"{path} does not exist", f"head -c 48 /dev/urandom | base64 > {path}"
    else:
        return ok(_KEY, f"{path} will be made at the first start")
    return wrong(_KEY, text, advice, is_configuration=True)


def _misplaced(path: Path) -> Finding | None:
    if path.is_dir():
        text, advice = f"{path} is a folder", f"choose a file, like {path / 'tgauth.db'}"
    elif not path.parent.is_dir():
        text, advice = f"the folder {path.parent} does not exist", f"mkdir -p {path.parent}"
    elif not os.access(path.parent, os.W_OK | os.X_OK, effective_ids=True):
        advice = f"give {path.parent} to the account that runs tgauth"
        return wrong(_STORE, f"{path.parent} cannot be written by this account", advice)
    else:
        return None
    return wrong(_STORE, text, advice, is_configuration=True)


def _store_finding(path: Path) -> Finding:
    if not os.access(path, os.R_OK | os.W_OK, effective_ids=True):
        advice = f"give {path} to the account that runs tgauth"
        return wrong(_STORE, f"{path} cannot be written by this account", advice)
    return ok(_STORE, str(path))


def _schema_finding(facts: StoreFacts) -> Finding:
    if facts.schema > facts.newest_schema:
        return wrong(
            _SCHEMA,
            f"version {facts.schema}, and this tgauth knows only up to {facts.newest_schema}",
            "install the newer tgauth again, or restore a backup from before the upgrade",
            is_configuration=True,
        )
    if facts.schema < facts.newest_schema:
        text = f"version {facts.schema}, will become {facts.newest_schema} at the next start"
        return ok(_SCHEMA, text)
    return ok(_SCHEMA, f"version {facts.schema}, the newest")
