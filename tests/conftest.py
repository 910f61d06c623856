"""What every test gets: one loop, loopback sockets only, a watch on blocking, a real store."""

import os
import signal
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path

import pytest
from blockbuster import blockbuster_ctx
from hypothesis import settings
from pytest_socket import socket_allow_hosts
from tests.builders import Clock, Ids, a_deployment
from tests.certificates import shared_context
from tests.harness import Telegram, Tgauth, telegram_here, tgauth
from tests.stores import begin_store

from tgauth.flows.deployment import Deployment
from tgauth.store import Store
from tgauth.texts import load_languages

#: Where the loop may be blocked under our own code, each for its reason.
MAY_BLOCK = {
    # Not ours: the tracer's lock, which another thread holds for microseconds.
    "coverage/collector.py": {"lock_data"},
    # Once, at the start: one look at whose file it is.
    "tgauth/store/access.py": {"require_store"},
    "tgauth/database_file.py": {"require_access"},
    # A lock file that nobody holds is opened and locked in microseconds; waiting is done elsewhere.
    "tgauth/store/turns.py": {"_acquire", "turn", "_wait_for"},
    "tgauth/store/lock_files.py": {"open_itself", "open_lock_file", "give_to_owner", "as_owner_of"},
    "tgauth/store/presence.py": {"_held"},
    # Names in a folder of sockets: in memory, and no send there ever waits.
    "tgauth/store/wakeups.py": {"names", "remove", "bind", "_open", "_status", "_send"},
    # Once, at the start: a few bytes each, or the name of a file.
    "tgauth/store/master_key.py": {
        "load_master_key",
        "_read",
        "read_master_key",
        "create_master_key",
        "_sync_folder",
    },
    "tgauth/store/migrations.py": {"shipped", "_copy"},
    "tgauth/migration_files.py": {"folder"},
    # One look at a file's number, at the start and when readiness is asked for.
    "tgauth/store/database.py": {"_identity_of"},
    # Once, at the start: the files of dead processes, a few kilobytes each.
    "tgauth/measures/folder.py": {"begin_tally"},
    # What an operator does to the store as a whole: nobody else is served by that process.
    "tgauth/store/plain.py": {"opened_to_read"},
    "tgauth/store/status.py": {"_size_of"},
    "tgauth/store/copying.py": {"being_written", "_is"},
    "tgauth/store/backup.py": {"back_up", "_require_place"},
    "tgauth/store/restoring.py": {"_looked_at", "_require_key", "_write_back", "carry_out"},
    # Once for each process: kept afterwards.
    "jinja2/loaders.py": {"get_source", "__init__"},
    "tgauth/api/pages.py": {"_templates"},
    "tgauth/api/assets.py": {"_shipped"},
    # Once, at the start.
    "tgauth/api/places.py": {"open_places"},
}

#: Where whole files take long. Begun first, so that what is short fills the end, and no worker is
#: left alone with one of them.
LONG = ("e2e", "faults", "integrate", "deploy", "sandbox", "supervisor", "packaging", "api")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marks of this folder; judge no property by how long it took."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # As in a script's background job; the processes under test would inherit it.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    settings.register_profile("tgauth", deadline=None)
    settings.load_profile("tgauth")
    config.addinivalue_line("markers", "may_block: the test blocks the event loop on purpose")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with what takes long where several workers share the files."""
    if hasattr(config, "workerinput"):
        rank = {name: number for number, name in enumerate(LONG)}
        items.sort(key=lambda item: rank.get(item.path.parent.name, len(LONG)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Under CI a skipped test is a failure: it is a promise that nobody checked."""
    report = yield
    if _counts_as_failure(report) and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped under CI: {_reason(report)}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Treat a module that skips itself in the same way."""
    report = yield
    if _counts_as_failure(report):
        report.outcome = "failed"
        report.longrepr = f"skipped under CI: {_reason(report)}"
    return report


def _counts_as_failure(report: pytest.TestReport | pytest.CollectReport) -> bool:
    return report.outcome == "skipped" and os.environ.get("CI", "").lower() in {"1", "true"}


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    return str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Run on asyncio, as production does."""
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
def _languages() -> None:
    """Read the catalogues beforehand, as each process does at its start."""
    load_languages()


@pytest.fixture(scope="session", autouse=True)
def _certificates_are_read_once() -> Iterator[None]:
    """Let all HTTP clients of a run share what they trust.

    Each would read every certificate of the machine anew, which takes longer than the 20 ms after
    which a test looks again whether a server is there.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("httpx._transports.default.create_ssl_context", shared_context)
        yield


@pytest.fixture(autouse=True)
def _loopback_only() -> None:
    """Refuse connections to anywhere else; pytest-socket itself undoes this after the test."""
    socket_allow_hosts(["127.0.0.1", "::1"], allow_unix_socket=True)


@pytest.fixture(autouse=True)
def _never_block(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test in which our own code blocks the event loop."""
    node = request.node
    if node.get_closest_marker("anyio") is None or node.get_closest_marker("may_block"):
        yield
        return
    with blockbuster_ctx("tgauth") as blockbuster:
        for function in blockbuster.functions.values():
            for file, names in MAY_BLOCK.items():
                function.can_block_in(file, names)
        yield


@pytest.fixture
def clock() -> Clock:
    """Return a clock that stands still until it is told otherwise."""
    return Clock()


@pytest.fixture
def ids() -> Ids:
    """Return identifiers that count instead of being random."""
    return Ids()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Return where this test's database is."""
    return tmp_path / "tgauth.db"


@pytest.fixture
def _begun(database: Path) -> None:
    """Spare each test the migrations: tests/store is where they are tested."""
    begin_store(database)


@pytest.fixture
async def store(database: Path, _begun: None) -> AsyncIterator[Store]:
    """Open a real store in a folder of its own."""
    async with Store.open(database) as opened:
        yield opened


@pytest.fixture
def deployment(store: Store, clock: Clock, ids: Ids) -> Deployment:
    """Return an installation over that store."""
    return a_deployment(store, now=clock, new_id=ids)


@pytest.fixture
def sandbox() -> Iterator[Telegram]:
    """Run a Telegram of its own."""
    with telegram_here() as running:
        yield running


@pytest.fixture
def installation(tmp_path: Path, sandbox: Telegram) -> Iterator[Tgauth]:
    """Prepare an installation against it, of which nothing runs yet."""
    with tgauth(tmp_path, sandbox.url) as prepared:
        yield prepared
