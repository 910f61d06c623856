"""The queue between Telegram and the handlers: durable, because `put` commits.

python-telegram-bot's updater puts an update and then moves its offset on, and the next getUpdates
confirms to Telegram everything below that offset. With its own queue in memory a crash loses what
was confirmed and not handled; with this one nothing is confirmed that is not stored.
"""

import asyncio
import json
from typing import Final

from telegram import Bot, Update
from telegram.error import NetworkError

from tgauth.bot.intake import Intake
from tgauth.bot.updates import key_of
from tgauth.bot.waking import Bell
from tgauth.domain.incoming import StoredUpdate, key_of_update
from tgauth.domain.instants import SECOND
from tgauth.flows.deployment import Deployment
from tgauth.flows.receive_update import fail_update, next_update, receive_update
from tgauth.logs import Log

_log = Log("bot")

#: However sure we are that nothing waits, look again after this many seconds: clocks jump.
_LOOK_AGAIN: Final = 5.0
#: Seconds until a store that cannot be read is tried again.
_STORE_PAUSE: Final = 1.0


#: What an update raises that is not of the shape which the Bot API promises.
_MISSHAPEN: Final = (AttributeError, TypeError, ValueError, KeyError, OverflowError)


class InboxQueue(asyncio.Queue[object]):
    """An update queue whose content is the store's inbox.

    The application asks for an update, handles it, and only then asks for the next one: so what is
    handed out is always the oldest update that is still waiting, and a handler that fails simply
    finds it waiting again.

    Attributes:
        came: To be rung when an update was stored, by whichever process.
    """

    def __init__(self, deployment: Deployment, bot: Bot, intake: Intake | None = None) -> None:
        """Take what the queue works with.

        Args:
            deployment: The installation.
            bot: An initialized bot.
            intake: Where what is put is found as Telegram sent it, where it was fetched.
        """
        super().__init__()
        self._deployment = deployment
        self._bot = bot
        self._intake = intake or Intake()
        self.came = Bell()

    async def put(self, item: object) -> None:
        """Commit an update; anything else (the application's stop signal) goes through memory.

        Raises:
            NetworkError: The store could not keep it. Any other exception would silently end the
                updater's loop; this one makes it fetch the update again.
        """
        if not isinstance(item, Update):
            await super().put(item)
        else:
            try:
                sent = self._intake.sent(item.update_id) or item.to_dict()
                await receive_update(self._deployment, key_of_update(sent), json.dumps(sent))
            except _MISSHAPEN as error:
                # Asking again would bring the same, and hold up everybody behind it.
                _log.error("update.skipped", update_id=item.update_id, error=repr(error))
            except Exception as error:
                _log.error("inbox.unwritable", reason=repr(error))
                raise NetworkError(str(error)) from error
        self.came.ring()

    async def get(self) -> object:
        """Return the oldest waiting update, or what came through memory once that is there."""
        while True:
            if not super().empty():
                return await super().get()
            wait = _LOOK_AGAIN
            try:
                update, due_at = await next_update(self._deployment)
                if update is not None:
                    parsed = await self._parse(update)
                    if parsed is not None:
                        # Through memory for a moment, so that task_done() and join() count it.
                        await super().put(parsed)
                        return await super().get()
                    continue
                if due_at is not None:
                    wait = min(wait, max(0, due_at - self._deployment.now()) / SECOND)
            except Exception as error:  # noqa: BLE001 - it would end the application's loop
                _log.error("inbox.unreadable", reason=repr(error))
                wait = _STORE_PAUSE
            await self.came.wait(wait)

    async def _parse(self, stored: StoredUpdate) -> Update | None:
        try:
            return _checked(Update.de_json(json.loads(stored.payload or "null"), self._bot), stored)
        except Exception as error:  # noqa: BLE001 - whatever Telegram may send must not end the loop
            _log.error("update.unreadable", update_id=stored.key.update_id, error=repr(error))
            await fail_update(self._deployment, stored.key, chat_id=None)
            return None


def _checked(update: Update, stored: StoredUpdate) -> Update:
    """Make sure that settling the update will settle the row that it came from."""
    if key_of(update) != stored.key:
        raise ValueError("the stored update says something else than its key")
    return update
