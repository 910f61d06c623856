"""The one SQLite file: all SQL, its migrations, its locks, and the master key beside it.

Owns how anything is kept and when it is durable. Refuses every rule about logins (those are
`tgauth.domain`'s) and every cryptographic format (`tgauth.oidc`'s). SQL stands beside its row
mapping in one plural module for each noun; `Store.writing` is the only place that begins a
transaction.
"""

from tgauth.store.connection import Connection
from tgauth.store.database import Store
from tgauth.store.wakeups import Topic

__all__ = ["Connection", "Store", "Topic"]
