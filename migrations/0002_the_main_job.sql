-- What a person, an operator and an application expect of a login: replaced links, edited messages,
-- sessions that one can tell apart and that end when unused, bans, limits, and keys that rotate.
-- SQLite changes a CHECK only by making the table anew; the runner keeps foreign keys out of the way.

CREATE TABLE bans (
    telegram_id INTEGER NOT NULL PRIMARY KEY,
    banned_at INTEGER NOT NULL
) STRICT;

-- Failed attempts of one network address within one window; all processes count together.
CREATE TABLE failures (
    address TEXT NOT NULL PRIMARY KEY,
    began_at INTEGER NOT NULL,
    number INTEGER NOT NULL
) STRICT;
CREATE INDEX failures_by_age ON failures (began_at);

CREATE INDEX inbox_parked ON inbox (sequence) WHERE state = 'parked';

ALTER TABLE signing_keys ADD COLUMN signs_from INTEGER NOT NULL DEFAULT 0;
ALTER TABLE signing_keys ADD COLUMN expires_at INTEGER;

CREATE TABLE new_sessions (
    id TEXT NOT NULL PRIMARY KEY,
    subject TEXT NOT NULL REFERENCES persons (subject) ON DELETE CASCADE,
    client_id TEXT NOT NULL,
    secret_hash TEXT UNIQUE,
    device TEXT,
    address TEXT,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    idle_expires_at INTEGER NOT NULL,
    ended_at INTEGER
) STRICT;
INSERT INTO new_sessions (
    id, subject, client_id, secret_hash, created_at, expires_at, seen_at, idle_expires_at, ended_at
)
SELECT
    id, subject, client_id, secret_hash, created_at, expires_at, created_at, expires_at, ended_at
FROM sessions;
DROP TABLE sessions;
ALTER TABLE new_sessions RENAME TO sessions;
CREATE INDEX sessions_by_subject ON sessions (subject, created_at);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE new_logins (
    id TEXT NOT NULL PRIMARY KEY,
    door TEXT NOT NULL CHECK (door IN ('chat')),
    client_id TEXT NOT NULL,
    subject TEXT REFERENCES persons (subject) ON DELETE CASCADE,
    state TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'denied', 'replaced', 'redeemed')),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    decided_at INTEGER,
    redeemed_at INTEGER,
    session_id TEXT REFERENCES sessions (id) ON DELETE SET NULL,
    browser TEXT,
    CHECK ((state = 'redeemed') = (redeemed_at IS NOT NULL)),
    CHECK (state IN ('pending', 'denied', 'replaced') OR subject IS NOT NULL)
) STRICT;
INSERT INTO new_logins SELECT * FROM logins;
DROP TABLE logins;
ALTER TABLE new_logins RENAME TO logins;
CREATE INDEX logins_by_subject ON logins (subject, created_at);
CREATE INDEX logins_by_session ON logins (session_id);
CREATE INDEX logins_by_expiry ON logins (expires_at);

CREATE TABLE new_outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    chat_id INTEGER NOT NULL,
    notice TEXT NOT NULL CHECK (notice IN (
        'login_link', 'login_closed', 'greeting', 'help', 'not_allowed', 'private_only',
        'forwarded', 'too_late', 'too_many', 'sessions', 'logged_out', 'not_logged_in', 'failed'
    )),
    language TEXT,
    login_id TEXT REFERENCES logins (id) ON DELETE CASCADE,
    edits INTEGER,
    created_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    not_before INTEGER NOT NULL,
    sent_at INTEGER,
    message_id INTEGER,
    given_up_at INTEGER,
    reason TEXT
) STRICT;
INSERT INTO new_outbox (
    id, chat_id, notice, login_id, created_at, attempts, not_before, sent_at, message_id,
    given_up_at, reason
)
SELECT
    id, chat_id, notice, login_id, created_at, attempts, not_before, sent_at, message_id,
    given_up_at, reason
FROM outbox;
DROP TABLE outbox;
ALTER TABLE new_outbox RENAME TO outbox;
CREATE INDEX outbox_due ON outbox (not_before) WHERE sent_at IS NULL AND given_up_at IS NULL;
CREATE INDEX outbox_promised ON outbox (created_at) WHERE sent_at IS NULL AND given_up_at IS NULL;
CREATE INDEX outbox_owed_by_chat ON outbox (chat_id, id)
WHERE sent_at IS NULL AND given_up_at IS NULL;
CREATE INDEX outbox_by_login ON outbox (login_id);
CREATE INDEX outbox_by_age ON outbox (created_at);
