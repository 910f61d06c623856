"""Promises of errors: each has its one code, and its look over HTTP or at the start."""

import importlib

import pytest
from tests.house.sources import FILES, PACKAGE

from tgauth.api.refusals import REFUSALS, UNFORESEEN, refusal_of
from tgauth.cli import operating, running
from tgauth.domain.errors import RotationUnderWay, TgauthError
from tgauth.oidc.keys import SigningKeyUnreadable
from tgauth.store.access import StoreMissing
from tgauth.store.backup import NoPlaceForACopy
from tgauth.store.copying import CopyExists, CopyFailed
from tgauth.store.key_renewal import MasterKeyInPlace
from tgauth.store.master_key import MasterKeyUnusable
from tgauth.store.migrations import DanglingReference, SchemaTooNew, SchemaTooOld
from tgauth.store.plain import NoStore
from tgauth.store.presence import StoreInUse
from tgauth.store.restoring import BackupMissing, OtherMasterKey

#: Raised only while a process starts, where there is no HTTP yet.
AT_START: set[type[TgauthError]] = {
    DanglingReference,
    MasterKeyUnusable,
    SchemaTooNew,
    SigningKeyUnreadable,
}

#: Raised only by what an operator does at a terminal.
AT_THE_TERMINAL: set[type[TgauthError]] = {
    BackupMissing,
    CopyExists,
    CopyFailed,
    MasterKeyInPlace,
    NoPlaceForACopy,
    NoStore,
    OtherMasterKey,
    RotationUnderWay,
    SchemaTooOld,
    StoreInUse,
    StoreMissing,
}


def all_errors() -> set[type[TgauthError]]:
    """Return every error of the house, whichever room defines it."""
    for path in FILES:
        room = path.relative_to(PACKAGE).parts[0]
        if room in {"domain", "store", "flows", "oidc", "api", "bot"}:
            name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
            importlib.import_module(name.removesuffix(".__init__"))
    found: set[type[TgauthError]] = set()
    unseen: list[type[TgauthError]] = [TgauthError]
    while unseen:
        error = unseen.pop()
        found |= set(error.__subclasses__())
        unseen += error.__subclasses__()
    return {error for error in found if error.__module__.startswith("tgauth.")}


def test_every_error_has_its_look() -> None:
    """In the one table of refusals, or in a list of what is raised where there is no HTTP."""
    assert all_errors() == set(REFUSALS) | AT_START | AT_THE_TERMINAL
    assert set() == set(REFUSALS) & (AT_START | AT_THE_TERMINAL)
    assert set() == AT_START & AT_THE_TERMINAL


def test_every_error_has_a_code_of_its_own() -> None:
    """In the form of its name, stable and safe to log."""
    codes = [error.code for error in all_errors()]
    assert len(codes) == len(set(codes))
    for error in all_errors():
        name = "".join(f"_{c.lower()}" if c.isupper() else c for c in error.__name__)
        assert name.lstrip("_") == error.code


def test_what_no_restart_cures_ends_with_78() -> None:
    """The command line knows these errors by their codes."""
    assert {error.code for error in AT_START} == running.CONFIGURATION_CODES


@pytest.mark.parametrize("error", list(REFUSALS))
def test_a_refusal_is_never_unforeseen(error: type[TgauthError]) -> None:
    """A stranger's mistake is a 4xx; only the store's trouble is a 5xx."""
    refusal = refusal_of(error.__new__(error))
    assert refusal is not UNFORESEEN
    assert (refusal.status >= 500) == (error.code == "store_unavailable")


def test_every_error_at_the_terminal_has_its_exit_code() -> None:
    """A command that an operator types never ends with a traceback for any of them."""
    expected = {error.code for error in AT_START | AT_THE_TERMINAL} | {"store_unavailable"}
    assert expected == set(operating.EXIT_CODES)
