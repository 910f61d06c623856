"""Promises of the receiving end of sd_notify."""

import os
import socket
import stat
import struct
from pathlib import Path

import pytest

from tgauth.supervisor import Notifier
from tgauth.supervisor.notifications import (
    Notification,
    NotificationSocket,
    open_notifications,
    parse,
    sender_of,
)


@pytest.mark.parametrize(
    ("datagram", "fields"),
    [
        (b"READY=1", {"READY": "1"}),
        (b"READY=1\nSTATUS=a=b\n", {"READY": "1", "STATUS": "a=b"}),
        (b"", {}),
        (b"READY", {}),
        (b"=1", {}),
        (b"STATUS=\xff", {"STATUS": "\ufffd"}),
        (b"STATUS=", {"STATUS": ""}),
    ],
)
def test_parses(datagram: bytes, fields: dict[str, str]) -> None:
    """One field a line, name before the first equals sign; the rest is dropped."""
    assert fields == parse(datagram)


@pytest.mark.anyio
async def test_receives_with_thesender_ofs_pid() -> None:
    """The kernel says who sent a datagram."""
    async with open_notifications() as notifications:
        assert list(notifications.received()) == []
        Notifier(notifications.address).ready()
        await notifications.wait()
        Notifier(notifications.address).stopping()
        expected = [
            Notification(pid=os.getpid(), fields={field: "1"}) for field in ("READY", "STOPPING")
        ]
        assert expected == list(notifications.received())


def test_nobody_else_can_reach_it() -> None:
    """Another account could fill its queue, and children whose word finds no place are ended."""
    with NotificationSocket() as notifications:
        folder = Path(notifications.address).parent
        found = folder.stat()
        assert (os.getuid(), 0o700) == (found.st_uid, stat.S_IMODE(found.st_mode))
    assert not folder.exists()


def test_what_a_killed_supervisor_left_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing that somebody listens on, nor anything else of such a name."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for name in ("supervisor-left", "supervisor-heard", "supervisor-else"):
        (tmp_path / name).mkdir()
    (tmp_path / "supervisor-else" / "notify").write_text("a file")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as left:
        left.bind(str(tmp_path / "supervisor-left" / "notify"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(str(tmp_path / "supervisor-heard" / "notify"))
        with NotificationSocket() as mine:
            kept = {"supervisor-heard", "supervisor-else", Path(mine.address).parent.name}
            assert kept == {one.name for one in tmp_path.iterdir()}


@pytest.mark.parametrize("folder", ["missing", "x" * 100], ids=["no place", "too long"])
def test_is_heard_where_no_folder_can_be_had(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then the abstract namespace has to do."""
    place = tmp_path / folder
    if len(folder) > 50:
        place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))
    with NotificationSocket() as notifications:
        assert notifications.address.startswith("@")
        assert Notifier(notifications.address).ready()
        assert [os.getpid()] == [each.pid for each in notifications.received()]
    assert not place.exists() or not list(place.iterdir())


def test_whoever_sends_without_end_is_not_listened_to_without_end() -> None:
    """Everything else of the supervisor has its turn in between."""
    with NotificationSocket() as notifications:
        notifier, heard = Notifier(notifications.address), 0
        notifier.ready()
        for _ in notifications.received():
            heard += 1
            assert heard < 1000
            notifier.ready()
    assert heard


def test_a_datagram_that_is_cut_off_is_dropped() -> None:
    """Half a notification is none."""
    with NotificationSocket() as notifications:
        Notifier(notifications.address).notify(READY="1", STATUS="x" * 5000)
        assert list(notifications.received()) == []


def test_descriptors_sent_along_are_not_kept() -> None:
    """A child cannot fill the supervisor's table of open files."""
    with (
        NotificationSocket() as notifications,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender,
    ):
        sender.connect(notifications.address)
        before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - iterdir() would open one more
        for _ in range(5):
            socket.send_fds(sender, [b"READY=1"], [0] * 3)
        received = list(notifications.received())
        after = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - the same
    assert [os.getpid()] * 5 == [each.pid for each in received]
    assert before == after


def test_a_datagram_without_credentials_is_dropped() -> None:
    """Who sends without the kernel's word about it is nobody."""
    with NotificationSocket() as notifications:
        notifications._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 0)
        Notifier(notifications.address).ready()
        assert list(notifications.received()) == []


def test_only_credentials_tell_thesender_of() -> None:
    """Other control messages are passed over."""
    rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, b"\0\0\0\0")
    credentials = struct.pack("iII", 4711, os.getuid(), os.getgid())
    vouched = (socket.SOL_SOCKET, socket.SCM_CREDENTIALS, credentials)
    assert sender_of([rights]) is None
    assert sender_of([rights, vouched]) == 4711
