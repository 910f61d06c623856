"""An upgrade, from outside: a store of an earlier version under this version's `serve`."""

import sqlite3
from pathlib import Path

from tests.harness import telegram, tgauth

from tgauth.store.migrations import shipped


def test_serve_migrates_an_old_store_before_it_starts_anything(tmp_path: Path) -> None:
    """For as long as it takes: no child is waited for meanwhile; then a login goes through."""
    with telegram(tmp_path) as sandbox, tgauth(tmp_path, sandbox.url) as installation:
        first = shipped()[0]
        raw = sqlite3.connect(installation.database)
        raw.executescript(first.sql)
        raw.execute(f"PRAGMA user_version = {first.number}")
        raw.commit()
        raw.close()
        served = installation.start("serve")
        output = installation.output
        assert output.index("store.migrating") < output.index("Migrating ")
        assert output.index("Done: the schema is version") < output.index("child.started")
        assert installation.database.with_name("tgauth.db.v1").exists()
        sandbox.send(42, "/login")
        assert installation.exchange(sandbox.code(42)).is_success
        assert 0 == served.stop()
