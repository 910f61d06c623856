"""Promises of the folder: all processes count as one, the dead too, and few files stay."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.disks import fill, small_disk

from tgauth.measures import folder as module
from tgauth.measures.catalogue import (
    CODES,
    KEPT,
    LOGINS,
    STORE_BUSY,
    TELEGRAM_CONTACT,
    Counter,
    Histogram,
)
from tgauth.measures.folder import begin_tally, collect, memory_of
from tgauth.measures.tallies import Tally, length_of

BEGUN = (LOGINS.name, "chat", "begun")

#: Counts, tells that it did, and waits to be killed.
COUNTING = """
import pathlib, sys, time
from tgauth.measures.catalogue import LOGINS
from tgauth.measures.folder import begin_tally
tally = begin_tally(pathlib.Path(sys.argv[1]), sys.argv[2])
for _ in range(int(sys.argv[3])):
    tally.count(LOGINS, "chat", "begun")
print("counted", flush=True)
time.sleep(60)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return where the folder will be."""
    return tmp_path / "tgauth.db.metrics"


@contextmanager
def counting(folder: Path, process: str, number: int) -> Iterator["subprocess.Popen[str]"]:
    """Run a process that has counted so many logins."""
    with subprocess.Popen(
        (sys.executable, "-c", COUNTING, str(folder), process, str(number)),
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        try:
            assert running.stdout is not None
            assert "counted\n" == running.stdout.readline()
            yield running
        finally:
            running.kill()


def files(folder: Path) -> list[str]:
    """Return the names of the tallies."""
    return sorted(path.name for path in folder.glob("*.tally"))


def begun(folder: Path) -> float:
    """Return how many logins were begun, by all that counted."""
    return collect(folder).tallies.get(BEGUN, (0.0,))[0]


def test_the_folder_is_for_its_account_alone(folder: Path) -> None:
    """And so is everything in it."""
    begin_tally(folder, "api").close()
    begin_tally(folder, "bot").close()
    assert 0o700 == folder.stat().st_mode & 0o777
    assert {0o600} == {path.stat().st_mode & 0o777 for path in folder.glob("*.tally")}


def test_living_processes_count_together(folder: Path) -> None:
    """And it is known who they are, and what memory they have."""
    with counting(folder, "api", 3) as one, counting(folder, "api", 4), counting(folder, "bot", 1):
        collected = collect(folder)
        assert (8.0,) == collected.tallies[BEGUN]
        assert ["api", "api", "bot"] == sorted(living.process for living in collected.living)
        assert one.pid in {living.pid for living in collected.living}
        assert all((memory_of(living) or 0) > 1_000_000 for living in collected.living)
        assert 3 == len(files(folder))


def test_what_a_killed_process_counted_stays_and_its_file_goes(folder: Path) -> None:
    """However often the page is asked for."""
    with counting(folder, "api", 5), counting(folder, "bot", 2) as bot:
        bot.send_signal(signal.SIGKILL)
        bot.wait(10)
        for _ in range(3):
            assert 7.0 == begun(folder)
        assert ["api"] == [living.process for living in collect(folder).living]
        assert 1 == len(files(folder))
    assert [7.0, 7.0] == [begun(folder) for _ in range(2)]
    assert [] == files(folder)


def test_a_storm_of_kills_leaves_no_thousands_of_files(folder: Path) -> None:
    """Each start takes in those who died before, also where nobody ever asks for the page."""
    tallies = []
    for _ in range(300):
        tally = begin_tally(folder, "api")
        tally.count(LOGINS, "chat", "begun")
        tally.close()  # as a kill does: the kernel lets go of the lock
        tallies.append(len(files(folder)))
    assert 1 == max(tallies)
    assert 300.0 == begun(folder)


def test_a_process_whose_number_is_taken_again_is_another_one(folder: Path) -> None:
    """Its memory is not told as the dead one's."""
    with counting(folder, "api", 1):
        [living] = collect(folder).living
    assert memory_of(living) is None


@pytest.mark.parametrize("step", ["write", "replace", "unlink"])
def test_a_kill_while_files_are_put_together_counts_nothing_twice_or_not_at_all(
    folder: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Whichever step is the last one that was done."""
    for number in (1, 10, 100):
        tally = begin_tally(folder, "api")
        tally.count(LOGINS, "chat", "begun", number=number)
        tally.close()

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    place = {
        "write": "os.fdopen",
        "replace": "pathlib.Path.replace",
        "unlink": "pathlib.Path.unlink",
    }
    with monkeypatch.context() as patched:
        patched.setattr(place[step], die)
        with pytest.raises(KeyboardInterrupt):
            collect(folder)
    assert 111.0 == begun(folder)
    tally = begin_tally(folder, "bot")
    tally.count(LOGINS, "chat", "begun", number=1000)
    tally.close()
    assert [1111.0, 1111.0] == [begun(folder) for _ in range(2)]
    assert [] == files(folder)


def test_nothing_is_written_through_a_link(folder: Path, tmp_path: Path) -> None:
    """Its owner may have put one there, and who counts may be root."""
    begin_tally(folder, "api").close()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("as it was")
    (folder / "folded.json.part").symlink_to(elsewhere)
    collect(folder)
    assert "as it was" == elsewhere.read_text()


def test_on_a_full_disk_the_files_stay_as_they_are(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And are counted all the same, and put together later."""
    tally = begin_tally(folder, "api")
    tally.count(LOGINS, "chat", "begun")
    tally.close()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fdopen", full)
        assert [1.0, 1.0] == [begun(folder) for _ in range(2)]
        assert 1 == len(files(folder))
    assert 1.0 == begun(folder)
    assert [] == files(folder)


def test_a_disk_that_really_is_full_ends_no_process(tmp_path: Path) -> None:
    """No signal, no error; and when there is room again, all that was counted is there."""
    with small_disk(tmp_path / "disk") as disk:
        tally = begin_tally(disk / "metrics", "api")
        filler = fill(disk)
        for number in range(300):
            tally.count(CODES, f"outcome {number}")
        assert 200 > len(collect(disk / "metrics").tallies)
        filler.unlink()
        for number in range(300):
            tally.count(CODES, f"outcome {number}")
        found = collect(disk / "metrics").tallies
        tally.close()
    assert {(CODES.name, f"outcome {number}"): (2.0,) for number in range(300)} == found


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "null",
        '{"absorbed": [], "tallies": 7}',
        '{"absorbed": [], "tallies": [[["tgauth_logins_total"]]]}',
        '{"tallies": []}',
        '{"absorbed": [], "tallies": [[["x"], ["y"]]]}',
    ],
)
def test_what_a_power_cut_left_of_the_one_file_is_no_trouble(folder: Path, content: str) -> None:
    """Counting begins anew, as after any reset of a counter."""
    begin_tally(folder, "api").close()
    (folder / "folded.json").write_text(content)
    with counting(folder, "api", 2):
        assert 2.0 == begun(folder)


def test_a_torn_file_of_a_killed_process_breaks_nothing(folder: Path) -> None:
    """Empty, cut short, or nonsense."""
    tally = begin_tally(folder, "api")
    tally.count(LOGINS, "chat", "begun")
    for name, content in (("api-1-1-aa", b""), ("bot-2-2-bb", b"tgauth-1\x09\0"), ("x", b"?" * 99)):
        (folder / f"{name}.tally").write_bytes(content)
    assert 1.0 == begun(folder)
    assert 1 == len(files(folder))
    tally.close()


def test_what_another_version_counted_otherwise_is_left_out(folder: Path) -> None:
    """A metric that is gone, other labels, other buckets; the rest is taken over."""
    tally = begin_tally(folder, "api")
    tally.count(Counter(name="tgauth_gone_total", help=""))
    tally.count(Counter(name=LOGINS.name, help="", labels=("door",)), "chat")
    tally.observe(Histogram(name=STORE_BUSY.name, help="", buckets=(1.0,)), 0.1)
    tally.count(CODES, "exchanged")
    tally.mark(TELEGRAM_CONTACT, float("inf"))
    tally.close()
    for _ in range(2):
        assert {(CODES.name, "exchanged"): (1.0,)} == collect(folder).tallies


def test_each_kind_is_put_together_in_its_way(folder: Path) -> None:
    """Counters and histograms add up; of moments the latest counts."""
    for number in (3, 1, 2):
        tally = begin_tally(folder, "api")
        for metric in KEPT:
            labels = ("x",) * len(metric.labels)
            if isinstance(metric, Counter):
                tally.count(metric, *labels, number=number)
            elif isinstance(metric, Histogram):
                tally.observe(metric, float(number), *labels)
            else:
                tally.mark(metric, float(number), *labels)
        tally.close()
    found = {key[0]: values for key, values in collect(folder).tallies.items()}
    for metric in KEPT:
        expected = 3.0 if metric is TELEGRAM_CONTACT else 6.0
        assert (metric.name, expected) == (metric.name, found[metric.name][-1])
        assert length_of(metric) == len(found[metric.name])
        if isinstance(metric, Histogram):
            assert 3 == sum(found[metric.name][:-1])


def test_nobody_waits_long_for_a_process_that_was_stopped(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may hold the folder's lock for ever."""
    monkeypatch.setattr(module, "_PATIENCE", 0.1)
    begin_tally(folder, "api").close()
    with module._alone(folder):
        began = time.monotonic()
        with pytest.raises(OSError, match="unavailable"):
            collect(folder)
    assert 5 > time.monotonic() - began
    assert 0.0 == begun(folder)


def test_the_one_file_names_no_more_than_what_it_took_in(folder: Path) -> None:
    """Its list does not grow with the years."""
    for _ in range(20):
        begin_tally(folder, "api").close()
    collect(folder)
    assert 1 >= len(json.loads((folder / "folded.json").read_text())["absorbed"])


def test_a_tally_is_let_go_of_by_closing_it(folder: Path) -> None:
    """Nothing of it stays open."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    tally: Tally = begin_tally(folder, "api")
    tally.close()
    assert before == len(list(Path("/proc/self/fd").iterdir()))
