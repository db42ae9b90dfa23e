"""What an error of PostgreSQL means. Never its text, which quotes data."""

from typing import Final

import psycopg

from consumer.errors import Reject
from consumer.handlers.postgres.connections import NoAnswerError, PasswordFileError
from consumer.handlers.postgres.table import STORED

#: By SQLSTATE, or by what it begins with; the longest counts.
_MEANINGS: Final = {
    "08": "the connection was lost",
    "08P01": "PgBouncer has lost the server, or its pool_mode is neither transaction nor session",
    "25006": "it can only be read: it is a standby, or was made read-only",
    "28": "the login was refused",
    "3D000": "it does not exist",
    "40001": "the transaction was in conflict with another one",
    "40P01": "the transaction was in a deadlock with another one",
    "42": "the table is not as it must be",
    "42501": "the user is not allowed to do that, or row security forbids it",
    "53": "the server is short of resources",
    "53100": "the server's disk is full",
    "53200": "the server is out of memory",
    "53300": "the server has too many connections",
    "55P03": "another session holds a lock for too long",
    "57014": "the statement took too long, or was canceled",
    "57P01": "the server is shutting down",
    "57P02": "the server crashed",
    "57P03": "the server is starting or shutting down",
    "58": "the server has a system error, such as of its disk",
    "XX": "the server has an internal error",
}
#: By a part of the text with which connecting fails; there is no SQLSTATE then. The server's part
#: of the text may be in another language.
_REFUSALS: Final = {
    "root certificate file": "the file of sslrootcert, with which to check it, does not exist",
    "certificate": "the certificate of the server, or that of the client, is not accepted",
    "password authentication failed": "the password is wrong, or there is no such user",
    "no password supplied": "it needs a password; name a file with it as password_file",
    "Peer authentication failed": "the database user must have the name of the user that this "
    "process runs as, or connect over TCP with a password (host=127.0.0.1)",
    "pg_hba.conf": "pg_hba.conf on the server does not allow this user, host or encryption",
    "too many clients": _MEANINGS["53300"],
    "too many connections": _MEANINGS["53300"],
    "connection slots": _MEANINGS["53300"],
    "starting up": _MEANINGS["57P03"],
    "shutting down": _MEANINGS["57P03"],
    "recovery": _MEANINGS["57P03"],
    "read-only": _MEANINGS["25006"],
    "permission denied for database": "the user may not connect to the database",
    "not currently accepting": "the database does not accept connections",
    "does not exist": "the database or the user does not exist",
    "not permitted to log in": _MEANINGS["28"],
    "refused": "the connection was refused: nothing listens there",
    "No such file or directory": "no server listens at its local socket",
    "translate host name": "the name of the host can't be resolved",
    "Name or service not known": "the name of the host can't be resolved",
    "resolve": "the name of the host can't be resolved",
    "SSL": "no encrypted connection is possible",
    "timeout": "it does not answer",
    "unreachable": "there is no route to the host",
    "invalid": "a value in its connection text can't be used",
    "definition of service": "there is no such service in the service file",
    "closed the connection": "the connection was lost",
}
#: Not of one event: of the server, the connection, the table, or what the user may do. All others
#: are: a value, a constraint, a limit, or a trigger's refusal, which may have a code of its own.
_NOT_OF_DATA: Final = (
    "0", "25", "26", "28", "2D", "2F", "39", "3B", "3D", "3F", "40", "42", "53", "55", "57", "58",
    "72", "F0", "HV", "XX",
)  # fmt: skip
_NOT_NULL: Final = "23502"


def is_of_data(error: psycopg.Error) -> bool:
    """True if some event is the reason, so that others could land."""
    code = error.sqlstate
    return code is not None and not code.startswith(_NOT_OF_DATA) and not _is_never_filled(error)


def _is_never_filled(error: psycopg.Error) -> bool:
    """A column that this program does not fill must not be null: no event could land."""
    return error.sqlstate == _NOT_NULL and error.diag.column_name not in STORED


def is_of_value(error: psycopg.Error) -> bool:
    """True if a value does not fit its type, or is too large for it."""
    return (error.sqlstate or "").startswith(("22", "54"))


def is_of_table(error: psycopg.Error) -> bool:
    """True if the table, or what the user may do with it, is the reason."""
    return _is_never_filled(error) or (error.sqlstate or "").startswith(("42", "3F"))


def reject_of(error: psycopg.Error) -> Reject:
    """For the event that is the reason."""
    what = type(error).__name__.rstrip("_")
    return Reject(f"PostgreSQL refuses to store it: {what} (SQLSTATE {error.sqlstate})")


def meaning_of(error: psycopg.Error) -> str:
    """Why nothing can land, without any data."""
    if isinstance(error, NoAnswerError):
        return "it does not answer"
    if isinstance(error, PasswordFileError):
        return "the password_file can't be read, or does not hold one password"
    if isinstance(error, psycopg.errors.ConnectionTimeout):
        return "it does not answer"
    code = error.sqlstate
    if code is None:
        text = str(error)
        known = (meaning for part, meaning in _REFUSALS.items() if part in text)
        return next(known, "no connection is possible, or it was lost")
    known = (_MEANINGS[code[:n]] for n in (5, 2) if code[:n] in _MEANINGS)
    return f"{next(known, type(error).__name__.rstrip('_'))} (SQLSTATE {code})"
