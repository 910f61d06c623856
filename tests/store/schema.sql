CREATE TABLE approval_blocks (
    telegram_id INTEGER NOT NULL PRIMARY KEY,
    blocked_until INTEGER NOT NULL
) STRICT;
CREATE INDEX approval_blocks_by_age ON approval_blocks (blocked_until);
CREATE TABLE approvals (
    login_id TEXT NOT NULL PRIMARY KEY REFERENCES logins (id) ON DELETE CASCADE,
    handle_hash TEXT NOT NULL UNIQUE,
    stream_hash TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    state_parameter TEXT,
    device TEXT,
    address TEXT,
    network TEXT NOT NULL,
    place TEXT,
    opened_by INTEGER,
    opened_at INTEGER,
    denial TEXT CHECK (denial IN ('declined', 'wrong_number', 'withdrawn')),
    CHECK ((opened_by IS NULL) = (opened_at IS NULL)),
    CHECK (denial IS NULL OR denial = 'withdrawn' OR opened_by IS NOT NULL)
) STRICT;
CREATE INDEX approvals_by_network ON approvals (network, created_at);
CREATE INDEX approvals_by_person ON approvals (opened_by, opened_at) WHERE opened_by IS NOT NULL;
CREATE TABLE "audit" (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    event TEXT NOT NULL CHECK (event IN (
        'login.begun', 'login.refused', 'login.replaced', 'login.withdrawn', 'login.redeemed',
        'login.opened', 'login.approved', 'login.denied', 'approvals.blocked',
        'code.exchanged', 'code.refused', 'session.ended', 'session.disowned', 'person.joined',
        'person.exported', 'person.removed', 'person.banned', 'person.unbanned', 'address.limited',
        'address.blocked', 'key.created', 'keys.rotated', 'master_key.renewed'
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
CREATE UNIQUE INDEX audit_refused_codes ON audit (login_id, reason) WHERE event = 'code.refused';
CREATE TABLE bans (
    telegram_id INTEGER NOT NULL PRIMARY KEY,
    banned_at INTEGER NOT NULL
) STRICT;
CREATE TABLE blocked_networks (
    network TEXT NOT NULL PRIMARY KEY,
    blocked_until INTEGER NOT NULL
) STRICT;
CREATE INDEX blocked_networks_by_age ON blocked_networks (blocked_until);
CREATE TABLE bot_account (
    only_row INTEGER NOT NULL PRIMARY KEY CHECK (only_row = 1),
    telegram_id INTEGER NOT NULL,
    username TEXT NOT NULL
) STRICT;
CREATE TABLE clock (
    only_row INTEGER NOT NULL PRIMARY KEY CHECK (only_row = 1),
    boot_id TEXT NOT NULL,
    wall_ms INTEGER NOT NULL,
    boottime_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE codes (
    hash TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('chat', 'callback', 'oidc')),
    client_id TEXT NOT NULL,
    login_id TEXT NOT NULL REFERENCES logins (id) ON DELETE CASCADE,
    expires_at INTEGER NOT NULL,
    spent_at INTEGER
) STRICT;
CREATE INDEX codes_by_login ON codes (login_id);
CREATE TABLE failures (
    address TEXT NOT NULL PRIMARY KEY,
    began_at INTEGER NOT NULL,
    number INTEGER NOT NULL
) STRICT;
CREATE INDEX failures_by_age ON failures (began_at);
CREATE TABLE inbox (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    update_id INTEGER NOT NULL,
    identity TEXT NOT NULL,
    payload TEXT,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'done', 'parked')),
    received_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    not_before INTEGER NOT NULL,
    UNIQUE (update_id, identity),
    CHECK ((state = 'done') = (payload IS NULL))
) STRICT;
CREATE INDEX inbox_by_age ON inbox (received_at);
CREATE INDEX inbox_parked ON inbox (sequence) WHERE state = 'parked';
CREATE INDEX inbox_waiting ON inbox (sequence) WHERE state = 'waiting';
CREATE TABLE "logins" (
    id TEXT NOT NULL PRIMARY KEY,
    door TEXT NOT NULL CHECK (door IN ('chat', 'browser')),
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
    CHECK (state IN ('pending', 'denied', 'replaced') OR subject IS NOT NULL),
    CHECK (door = 'chat' OR state = 'redeemed' OR browser IS NOT NULL)
) STRICT;
CREATE INDEX logins_by_expiry ON logins (expires_at);
CREATE INDEX logins_by_session ON logins (session_id);
CREATE INDEX logins_by_subject ON logins (subject, created_at);
CREATE INDEX logins_of_nobody ON logins (expires_at) WHERE subject IS NULL;
CREATE TABLE master_key (
    only_row INTEGER NOT NULL PRIMARY KEY CHECK (only_row = 1),
    fingerprint TEXT NOT NULL
) STRICT;
CREATE TABLE "outbox" (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    chat_id INTEGER NOT NULL,
    notice TEXT NOT NULL CHECK (notice IN (
        'login_link', 'login_closed', 'approval', 'approval_unknown', 'approval_over',
        'approval_taken', 'approvals_paused', 'approvals_blocked', 'approvals_allowed', 'greeting',
        'help', 'not_allowed', 'private_only', 'forwarded', 'too_late', 'too_many', 'sessions',
        'logged_out', 'not_logged_in', 'failed'
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
CREATE INDEX outbox_by_age ON outbox (created_at);
CREATE INDEX outbox_by_login ON outbox (login_id);
CREATE INDEX outbox_due ON outbox (not_before) WHERE sent_at IS NULL AND given_up_at IS NULL;
CREATE INDEX outbox_lists ON outbox (chat_id, id) WHERE notice = 'sessions';
CREATE INDEX outbox_owed_by_chat ON outbox (chat_id, id)
WHERE sent_at IS NULL AND given_up_at IS NULL;
CREATE INDEX outbox_promised ON outbox (created_at) WHERE sent_at IS NULL AND given_up_at IS NULL;
CREATE TABLE persons (
    subject TEXT NOT NULL PRIMARY KEY,
    telegram_id INTEGER NOT NULL UNIQUE,
    first_name TEXT NOT NULL,
    last_name TEXT,
    username TEXT,
    language TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE TABLE probes (
    only_row INTEGER NOT NULL PRIMARY KEY CHECK (only_row = 1),
    number INTEGER NOT NULL
) STRICT;
CREATE TABLE "sessions" (
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
CREATE INDEX sessions_by_expiry ON sessions (expires_at);
CREATE INDEX sessions_by_subject ON sessions (subject, created_at);
CREATE TABLE signing_keys (
    kid TEXT NOT NULL PRIMARY KEY,
    algorithm TEXT NOT NULL,
    public_jwk TEXT NOT NULL,
    private_jwe TEXT NOT NULL,
    created_at INTEGER NOT NULL
, signs_from INTEGER NOT NULL DEFAULT 0, expires_at INTEGER) STRICT;
