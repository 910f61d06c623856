-- Nothing that is pending is lost, and an operator sees what is going on.

-- The clock: its latest reading, by the wall and since the boot, so that a step can be told from time
-- that passes. One row.
CREATE TABLE clock (
    only_row INTEGER NOT NULL PRIMARY KEY CHECK (only_row = 1),
    boot_id TEXT NOT NULL,
    wall_ms INTEGER NOT NULL,
    boottime_ms INTEGER NOT NULL
) STRICT;

-- A link of the first version has nobody who tells in the chat that it has expired: owed for those that
-- were open at the upgrade, or expired within the day before it.
INSERT INTO outbox (chat_id, notice, language, login_id, created_at, attempts, not_before)
SELECT
    link.chat_id, 'login_closed', link.language, logins.id, link.created_at, 0, logins.expires_at
FROM logins
JOIN outbox AS link
ON link.login_id = logins.id AND link.notice = 'login_link' AND link.sent_at IS NOT NULL
WHERE logins.state = 'approved'
AND logins.expires_at > (CAST(strftime('%s', 'now') AS INTEGER) - 86400) * 1000
AND NOT EXISTS (
    SELECT 1 FROM outbox AS closed
    WHERE closed.login_id = logins.id AND closed.notice = 'login_closed'
);

-- The audit log: who did what, when and from where. It refers to nothing: it outlives what it tells of.
CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    event TEXT NOT NULL CHECK (event IN (
        'login.begun', 'login.refused', 'login.replaced', 'login.withdrawn', 'login.redeemed',
        'code.exchanged', 'code.refused', 'session.ended', 'person.joined', 'person.exported',
        'person.removed', 'person.banned', 'person.unbanned', 'address.limited', 'key.created',
        'keys.rotated', 'master_key.renewed'
    )),
    actor TEXT NOT NULL CHECK (actor IN ('person', 'application', 'operator', 'system')),
    reason TEXT,
    subject TEXT,
    telegram_id INTEGER,
    client_id TEXT,
    login_id TEXT,
    session_id TEXT,
    address TEXT,
    device TEXT,
    number INTEGER NOT NULL
) STRICT;
CREATE INDEX audit_by_age ON audit (at);
CREATE INDEX audit_by_person ON audit (telegram_id, id) WHERE telegram_id IS NOT NULL;
-- Of one login's refused codes the first of each kind is kept, however often they are tried.
CREATE UNIQUE INDEX audit_refused_codes ON audit (login_id, reason) WHERE event = 'code.refused';

-- The lists of sessions in a chat: they are changed when a session that they name has ended.
CREATE INDEX outbox_lists ON outbox (chat_id, id) WHERE notice = 'sessions';
