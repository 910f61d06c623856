"""Raw HTTP to the sandbox: no Bot API library, so that none hides a difference."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import httpx

START_SECONDS: Final = 30


@contextmanager
def started(*arguments: str) -> Iterator[str]:
    """Run `python -m tgauth.sandbox …`, yield its address, and see that it stops with 0."""
    command = [sys.executable, "-m", "tgauth.sandbox", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("listening on http://127.0.0.1:"), line
            yield line.removeprefix("listening on ").strip()
        finally:
            process.terminate()
            code = process.wait(START_SECONDS)
    assert code == 0


class Sandbox:
    """A client of one running Telegram; `user_id` is the person of the current test."""

    token: Final = "4242:Sandbox-token_1"
    bot_id: Final = 4242

    def __init__(self, url: str) -> None:
        self.url = url
        self.user_id = 0
        self.client = httpx.Client(base_url=url, timeout=70, trust_env=False)

    def close(self) -> None:
        """Close the connections."""
        self.client.close()

    def clear(self) -> None:
        """Forget faults, webhooks, allowed types and everything that is pending."""
        self.client.delete("/control/faults")
        self.post("/control/outage", on=False)
        self.ok("deleteWebhook", drop_pending_updates=True)
        self.ok("getUpdates", allowed_updates=[])

    def call(self, method: str, **parameters: Any) -> httpx.Response:
        """Call a method with a JSON body."""
        return self.client.post(f"/bot{self.token}/{method}", json=parameters)

    def ok(self, method: str, **parameters: Any) -> Any:
        """Call a method that must succeed and return its result."""
        answer = self.call(method, **parameters)
        assert answer.status_code == 200, answer.text
        assert answer.json()["ok"] is True
        return answer.json()["result"]

    def refused(self, method: str, **parameters: Any) -> tuple[int, str]:
        """Call a method that must be refused; return the code and the words."""
        answer = self.call(method, **parameters)
        body = answer.json()
        assert body["ok"] is False
        assert body["error_code"] == answer.status_code
        return answer.status_code, body["description"]

    def send(self, text: str = "hello", **parameters: Any) -> Any:
        """Send a message to the person of this test."""
        return self.ok("sendMessage", chat_id=self.user_id, text=text, **parameters)

    def send_refused(self, text: str = "hello", **parameters: Any) -> str:
        """Send a message that must be a bad request; return the words."""
        code, words = self.refused("sendMessage", chat_id=self.user_id, text=text, **parameters)
        assert code == 400
        return words

    def post(self, path: str, **content: Any) -> Any:
        """Post to the chat or control side."""
        answer = self.client.post(path, json=content)
        assert answer.is_success, answer.text
        return answer.json()

    def say(self, text: str = "hi", **content: Any) -> Any:
        """Let the person of this test write."""
        return self.post("/chat/messages", user_id=self.user_id, text=text, **content)

    def chat(self, **query: Any) -> Any:
        """Read the person's chat."""
        answer = self.client.get("/chat/messages", params={"user_id": self.user_id, **query})
        assert answer.is_success, answer.text
        return answer.json()

    def faults(self, *faults: dict[str, Any]) -> None:
        """Let calls fail."""
        assert self.client.post("/control/faults", json=list(faults)).is_success

    def calls(self) -> Any:
        """Return the journal."""
        return self.client.get("/control/calls").json()["calls"]
