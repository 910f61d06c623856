"""An upgrade, from outside: a store of an earlier version under this version's `serve`."""

import sqlite3
from pathlib import Path

import pytest
from tests.harness import NEVER_PRINTED, eventually, telegram, tgauth

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


@pytest.mark.parametrize("name", ["api", "bot"])
def test_a_process_whose_store_was_migrated_under_it_ends_with_78(
    tmp_path: Path, name: str
) -> None:
    """It writes no row that the newer version may understand otherwise, and says what to do."""
    with telegram(tmp_path) as sandbox, tgauth(tmp_path, sandbox.url) as installation:
        alone = installation.start("run", name, wait=name == "api")
        eventually(lambda: name == "api" or "bot.polling" in installation.output)
        raw = sqlite3.connect(installation.database)
        raw.execute("PRAGMA user_version = 9999")
        raw.close()
        assert 78 == alone.popen.wait(15)
        assert "the store's schema is version 9999" in installation.output
        assert "install the newer tgauth again" in installation.output
        assert [] == [phrase for phrase in NEVER_PRINTED if phrase in installation.output]
