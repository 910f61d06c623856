"""Promises of the inbox's rows: poison is tried three times, then parked."""

from tests.builders import NOW, a_stored_update

from tgauth.domain.incoming import UpdateState
from tgauth.domain.instants import SECOND


def test_an_update_is_parked_at_its_third_failure() -> None:
    """Two failures are tried again, each later; the third parks the update."""
    first = a_stored_update().failed(now=NOW)
    second = first.failed(now=NOW + 10 * SECOND)
    third = second.failed(now=NOW + 20 * SECOND)
    assert a_stored_update(attempts=1, not_before=NOW + SECOND) == first
    assert a_stored_update(attempts=2, not_before=NOW + 12 * SECOND) == second
    expected = a_stored_update(attempts=3, not_before=NOW + 12 * SECOND, state=UpdateState.PARKED)
    assert expected == third


def test_a_parked_update_keeps_its_payload() -> None:
    """What could not be handled is kept for whoever looks into it."""
    assert "{}" == a_stored_update(attempts=2).failed(now=NOW).payload
