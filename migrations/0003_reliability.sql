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
