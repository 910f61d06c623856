"""The promise of a rolling reload: whoever asks while everything is replaced notices nothing."""

import asyncio
import signal
from pathlib import Path

import pytest
from bench.steady import Load, Outcome
from tests.harness import NEVER_PRINTED, Process, Tgauth, eventually, tgauth

REQUESTS = 3000
RELOADS = 2


async def load(installation: Tgauth, served: Process) -> Outcome:
    """Ask over kept, idle and new connections until everything was replaced twice."""
    host, port = installation.url.removeprefix("http://").split(":")
    steady = Load(host, int(port), seed=7)
    async with steady.running(kept=3, new=3, idle=10) as outcome:
        for number in range(1, RELOADS + 1):
            await asyncio.sleep(1)
            served.popen.send_signal(signal.SIGHUP)
            await asyncio.to_thread(
                eventually,
                lambda number=number: served.output.count("supervisor.reloaded") == number,
                within=90,
            )
        while outcome.total < REQUESTS:  # noqa: ASYNC110 - the load counts, and tells nobody
            await asyncio.sleep(0.1)
    return outcome


@pytest.mark.timeout(240)
def test_no_request_fails_while_everything_is_replaced(tmp_path: Path) -> None:
    """Two API processes and the bot, twice: each request is answered, at the first attempt."""
    with tgauth(tmp_path, "http://127.0.0.1:9", TGAUTH_API__WORKERS="2") as installation:
        served = installation.start("serve")
        outcome = asyncio.run(load(installation, served))
        assert served.stop() == 0
    assert {} == outcome.failures
    assert outcome.answered.keys() == {"kept", "new", "idle"}
    assert outcome.total >= REQUESTS
    assert served.output.count("child.replaced") == 3 * RELOADS
    assert [] == [phrase for phrase in NEVER_PRINTED if phrase in served.output]
