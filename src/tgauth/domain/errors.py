"""Every refusal of the domain, each with a code that never changes.

They know no HTTP status and no prose for people: each face translates them through one table
(`tgauth.api.refusals`, `tgauth.texts`). The message is for logs, so it never holds a code or token.
"""

from typing import ClassVar

from tgauth.domain.instants import timestamp


class TgauthError(Exception):
    """The root of all errors that tgauth raises on purpose.

    Attributes:
        code: A stable identifier, safe to log, to count and to translate by.
    """

    code: ClassVar[str] = "error"


class LoginExpired(TgauthError):
    """The login's lifetime had passed when it was decided on or redeemed."""

    code = "login_expired"

    def __init__(self, at: int) -> None:
        super().__init__(f"the login expired at {at}")


class LoginAlreadyDecided(TgauthError):
    """The login was approved or denied before."""

    code = "login_already_decided"

    def __init__(self, state: str) -> None:
        super().__init__(f"the login is {state}")


class LoginNotApproved(TgauthError):
    """The login was redeemed before anybody approved it."""

    code = "login_not_approved"

    def __init__(self) -> None:
        super().__init__("the login waits for approval")


class LoginDenied(TgauthError):
    """The login was denied and stays so."""

    code = "login_denied"

    def __init__(self) -> None:
        super().__init__("the login was denied")


class LoginReplaced(TgauthError):
    """The person asked for a newer login, and this one went with that."""

    code = "login_replaced"

    def __init__(self) -> None:
        super().__init__("the login was replaced by a newer one")


class LoginAlreadyRedeemed(TgauthError):
    """The login was redeemed before: a login is redeemed at most once."""

    code = "login_already_redeemed"

    def __init__(self, login_id: str) -> None:
        super().__init__(f"login {login_id} was redeemed before")


class CodeUnknown(TgauthError):
    """No such code was ever issued, or it was swept long after it expired."""

    code = "code_unknown"

    def __init__(self) -> None:
        super().__init__("no such code")


class CodeExpired(TgauthError):
    """The code's lifetime has passed."""

    code = "code_expired"

    def __init__(self, at: int) -> None:
        super().__init__(f"the code expired at {at}")


class CodeAlreadySpent(TgauthError):
    """The code was spent before."""

    code = "code_already_spent"

    def __init__(self, login_id: str) -> None:
        super().__init__(f"the code of login {login_id} was spent before")


class CodeRevoked(TgauthError):
    """The code is good, but the session that it stands for has ended meanwhile."""

    code = "code_revoked"

    def __init__(self, login_id: str) -> None:
        super().__init__(f"the session of login {login_id} has ended")


class CodeMisused(TgauthError):
    """The code is real, but of another kind or for another client than it was presented for."""

    code = "code_misused"

    def __init__(self, kind: str, client_id: str) -> None:
        super().__init__(f"a {kind} code of client {client_id} was presented elsewhere")


class PersonNotAllowed(TgauthError):
    """The operator's list does not name this person.

    Attributes:
        telegram_id: Who; their own page may show it to them.
    """

    code = "person_not_allowed"

    def __init__(self, telegram_id: int) -> None:
        super().__init__(f"Telegram id {telegram_id} is not on the list of who may log in")
        self.telegram_id = telegram_id


class PersonBanned(TgauthError):
    """The operator banned this person.

    Attributes:
        telegram_id: Who; their own page may show it to them.
    """

    code = "person_banned"

    def __init__(self, telegram_id: int) -> None:
        super().__init__(f"Telegram id {telegram_id} is banned")
        self.telegram_id = telegram_id


class ClientRefused(TgauthError):
    """The application did not prove that it is the client which the code is for."""

    code = "client_refused"

    def __init__(self) -> None:
        super().__init__("the client secret is missing or wrong")


class UpdateRefused(TgauthError):
    """Somebody posted an update, and it is not Telegram, or not from where it posts."""

    code = "update_refused"

    def __init__(self, why: str) -> None:
        super().__init__(f"an update was refused: {why}")


class TooManyFailures(TgauthError):
    """This network address failed too often within a minute.

    Attributes:
        wait: Milliseconds until it may try again.
    """

    code = "too_many_failures"

    def __init__(self, wait: int) -> None:
        super().__init__(f"too many failed attempts; {wait} ms to wait")
        self.wait = wait


class RotationUnderWay(TgauthError):
    """A key that will sign soon is published already, so there is nothing to rotate yet."""

    code = "rotation_under_way"

    def __init__(self, kid: str, signs_from: int) -> None:
        when = timestamp(signs_from)
        super().__init__(f"key {kid} is new already and signs from {when} on: wait until then")


class ApprovalUnknown(TgauthError):
    """No login waits for approval under this name, or it was swept long after it was over."""

    code = "approval_unknown"

    def __init__(self) -> None:
        super().__init__("no login waits for approval under this name")


class OtherBrowser(TgauthError):
    """The login was begun in another browser, and only that one can finish it."""

    code = "other_browser"

    def __init__(self, login_id: str) -> None:
        super().__init__(f"login {login_id} was begun in another browser")


class TooManyLogins(TgauthError):
    """This network began too many logins within a minute.

    Attributes:
        wait: Milliseconds until it may begin another one.
    """

    code = "too_many_logins"

    def __init__(self, wait: int) -> None:
        super().__init__(f"too many logins were begun; {wait} ms to wait")
        self.wait = wait


class NetworkBlocked(TgauthError):
    """Somebody said of a login from this network that it was not them.

    Attributes:
        wait: Milliseconds until the network may begin a login again.
    """

    code = "network_blocked"

    def __init__(self, wait: int) -> None:
        super().__init__(f"the network is blocked; {wait} ms to wait")
        self.wait = wait


class SessionEnded(TgauthError):
    """The session was ended, has expired, or never was."""

    code = "session_ended"

    def __init__(self) -> None:
        super().__init__("there is no such living session")


class TokenRefused(TgauthError):
    """An access token is malformed, expired, forged, or meant for somebody else."""

    code = "token_refused"

    def __init__(self, why: str) -> None:
        super().__init__(why)


class TokenExpired(TokenRefused):
    """An access token is one of ours, and its time has passed."""

    code = "token_expired"

    def __init__(self) -> None:
        super().__init__("the token has expired")


class OtherAccountActive(TgauthError):
    """Another person is logged in in this browser, and nobody asked to switch."""

    code = "other_account_active"

    def __init__(self) -> None:
        super().__init__("another account is logged in in this browser")


class StoreUnavailable(TgauthError):
    """The store cannot be read or written at the moment: full, locked, damaged or gone."""

    code = "store_unavailable"

    def __init__(self, why: str, *, may_pass: bool = False) -> None:
        super().__init__(f"the store is unavailable: {why}")
        #: Whether waiting may help: somebody else has it, or there is no room at the moment.
        self.may_pass = may_pass
