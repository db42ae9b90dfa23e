"""Why a host was not reached or did not answer, in a sentence that says what to do. Pure.

From what sockets and TLS raise, however deep botocore and urllib3 have wrapped it. The sentence has
the host and its port; of an exception's text only what OpenSSL says of a certificate.
"""

import errno
import http.client
import re
import socket
import ssl
from typing import Any
from urllib.parse import urlsplit

from botocore import exceptions as aws

from consumer.errors import EXIT_CONFIGURATION, TransportError

#: For what cuts long polls, such as a load balancer with its own timeout.
LOWER_THE_WAIT = "if long polls keep failing like this, lower queue.wait_time_seconds"

_LATE = "did not answer within the read timeout (queue.read_timeout_seconds)"
_CLOSED = "closed the connection before the answer was complete"
_NOT_CONNECTED = "was not reached within the connect timeout (queue.connect_timeout_seconds)"
_CA_FILE = (
    "the file of CA certificates (AWS_CA_BUNDLE, REQUESTS_CA_BUNDLE, or ca_bundle in the AWS "
    "configuration) does not exist, can't be read, or holds no certificate"
)
_NO_FILE = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR)
_NO_ROUTE = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN)
#: Results of X509_verify: the issuer is not known, or the certificate is self-signed.
_UNKNOWN_CA = (2, 18, 19, 20, 21)
_NOT_NOW = (9, 10)  # not yet valid, expired

#: What is said of an exception that wraps no other one that says more. The first that fits.
_SENTENCES: dict[type[BaseException], str] = {
    aws.ReadTimeoutError: _LATE,
    aws.ConnectionClosedError: _CLOSED,
    aws.ConnectTimeoutError: _NOT_CONNECTED,
    aws.SSLError: "was not reached: no TLS connection was established",
    ConnectionRefusedError: "was not reached: the connection was refused, nothing listens on this "
    "port",
    ConnectionError: _CLOSED,
    http.client.IncompleteRead: _CLOSED,
    http.client.HTTPException: "answered, but not with HTTP",
}


class UnusableSettingError(TransportError):
    """The settings of this machine for reaching AWS can't be used; waiting does not help."""

    exit_code = EXIT_CONFIGURATION
    fatal = True


def not_reached(error: BaseException, *, operation: str, host: str) -> TransportError:
    """What an exception of botocore's or of a socket means.

    Args:
        host: is named if the exception does not say its host.

    Returns: an `UnusableSettingError` (fatal) if the machine's configuration is the reason.
    """
    chain = _chain(error)
    code = type(error).__name__
    host = next((found for e in chain if (found := _host_of(e))), host)
    if any(isinstance(e, aws.ProxyConnectionError) for e in chain):
        host = f"the proxy {host}"
        if any("socks" in str(_kwargs(e).get("proxy_url", "")) for e in chain):
            text = f"{operation}: {host} is a SOCKS proxy, which is not supported: use another"
            return UnusableSettingError(text, code=code)
    in_tls = any(isinstance(e, aws.SSLError) for e in chain)
    if any(_is_ca_file(e, in_tls=in_tls) for e in chain):
        return UnusableSettingError(f"{operation}: {_CA_FILE}", code=code)
    connected = any(isinstance(e, aws.ReadTimeoutError) for e in chain)
    inner = [e for e in chain if not isinstance(e, aws.BotoCoreError)]  # some are OSErrors, too
    causes = [*(_cause(e, connected=connected) for e in inner), _sentence_of(error)]
    cause = next(filter(None, causes), f"was not reached ({code})")
    if operation == "ReceiveMessage" and cause in (_LATE, _CLOSED):
        cause = f"{cause}; {LOWER_THE_WAIT}"
    return TransportError(f"{operation}: {host} {cause}", code=code)


def host_and_port(url: str) -> str:
    """Those of a URL, without its user and password; "" if it is not a URL."""
    # botocore writes http:// before a proxy's URL of a scheme that it does not know.
    plain = re.sub(r"^https?://(?=\w+://)", "", url)
    try:
        parts = urlsplit(plain)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return ""
    name = parts.hostname or ""
    return f"{f'[{name}]' if ':' in name else name}:{port}" if name and port else name


def _chain(error: BaseException) -> list[BaseException]:
    """The exception and all that it wraps, outer ones first."""
    found: list[BaseException] = []
    pending: list[object] = [error]
    while pending:
        e = pending.pop(0)
        if isinstance(e, BaseException) and all(e is not other for other in found):
            found.append(e)
            inner = (_kwargs(e).get("error"), getattr(e, "reason", None), *e.args)
            pending += (*inner, e.__cause__, e.__context__)
    return found


def _kwargs(error: BaseException) -> dict[str, Any]:
    found = getattr(error, "kwargs", None)
    return found if isinstance(found, dict) else {}


def _host_of(error: BaseException) -> str:
    kwargs = _kwargs(error)
    return host_and_port(str(kwargs.get("proxy_url") or kwargs.get("endpoint_url") or ""))


def _is_ca_file(error: BaseException, *, in_tls: bool) -> bool:
    if isinstance(error, ssl.SSLError):  # the library "SSL" is about what the host sent
        return getattr(error, "library", None) in ("X509", "PEM", "ASN1")
    denied = in_tls and isinstance(error, PermissionError)
    return denied or (isinstance(error, OSError) and error.errno in _NO_FILE)


def _sentence_of(error: BaseException) -> str | None:
    return next((text for kind, text in _SENTENCES.items() if isinstance(error, kind)), None)


def _cause(error: BaseException, *, connected: bool) -> str | None:
    match error:
        case ssl.SSLError():
            return _tls_cause(error)
        case socket.gaierror():
            silent = error.errno == socket.EAI_AGAIN
            why = "no name server answered" if silent else "there is no host of this name"
            return f"was not reached: {why}"
        case TimeoutError():
            return _LATE if connected and "handshake" not in str(error) else _NOT_CONNECTED
        case OSError() if not isinstance(error, ConnectionError):
            return _os_cause(error)
        case ValueError() if type(error).__name__ == "CertificateError":  # urllib3's
            return "was not reached: its certificate is not accepted (it is for another name)"
    return _sentence_of(error)


def _tls_cause(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        hint = ""
        if error.verify_code in _UNKNOWN_CA:
            hint = "; if something in your network inspects TLS, name its CA in AWS_CA_BUNDLE"
        elif error.verify_code in _NOT_NOW:
            hint = "; check this machine's clock, too"
        return f"was not reached: its certificate is not accepted ({error.verify_message}){hint}"
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return _CLOSED
    reason = getattr(error, "reason", None)  # not of one that Python raises by itself
    if reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST"):
        return "was not reached: it does not speak TLS on this port"
    return f"was not reached: TLS failed ({reason or type(error).__name__})"


def _os_cause(error: OSError) -> str:
    if tunnel := re.match(r"Tunnel connection failed: (\d{3})", str(error)):
        return {
            "407": "wants a user name and password (407): check those in https_proxy",
            "403": "refuses to connect to SQS (403): allow it there, or name it in no_proxy",
        }.get(tunnel[1], f"did not connect to SQS ({tunnel[1]})")
    if error.errno in _NO_ROUTE:
        return "was not reached: there is no route to it; is the network up?"
    name = errno.errorcode.get(error.errno or 0, type(error).__name__)
    if isinstance(error, PermissionError):
        return (
            f"was not reached: this machine does not permit it ({name}): a firewall, IPAddressDeny "
            "of the systemd unit, or a file of CA certificates that can't be read"
        )
    return f"was not reached ({name})"
