"""What an SQS queue URL contains: the region, the queue's name, whose host it is; addresses."""

import ipaddress
import re
from urllib.parse import SplitResult, unquote, urlsplit

#: What the hosts of AWS's partitions end with, by botocore's endpoints; dual-stack ones last.
_AWS = (
    *("amazonaws.com", "amazonaws.com.cn", "amazonaws.eu"),
    *("c2s.ic.gov", "sc2s.sgov.gov", "cloud.adc-e.uk", "csp.hci.ic.gov"),
    *("api.aws", "api.amazonwebservices.com.cn", "api.amazonwebservices.eu"),
    *("api.aws.ic.gov", "api.aws.scloud", "api.cloud-aws.adc-e.uk", "api.aws.hci.ic.gov"),
)
#: Emulators put `sqs.REGION` before them, as AWS does.
_LOOPBACK = ("localhost", "localhost.localstack.cloud")

_REGION = r"([a-z]{2,}(?:-[a-z]+)+-\d+)"
_SUFFIX = "|".join(map(re.escape, (*_AWS, *_LOOPBACK)))
#: Host names of SQS: usual, FIPS and dual-stack ones; of VPC endpoints; older ones.
_HOST = re.compile(
    rf"(?:sqs(?:-fips)?\.{_REGION}"
    rf"|vpce-[a-z0-9-]+\.sqs(?:-fips)?\.{_REGION}\.vpce"
    rf"|{_REGION}\.queue)\.(?:{_SUFFIX})"
)


def split_url(url: str) -> SplitResult | None:
    """The parts of an http(s) URL, or None if `url` is not one with a host.

    The host is in lower case and without a final dot, which certificates do not have.
    """
    try:
        parts = urlsplit(url)
        parts = parts._replace(netloc=re.sub(r"\.(:\d*)?$", r"\1", parts.netloc.lower()))
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
        _ = parts.port  # raises on nonsense
    except ValueError:
        return None
    return parts if usable and not re.search(r"\s", url) else None


def region_of_url(url: str) -> str | None:
    """The region in the host of a queue URL; None if it does not look like a host of SQS."""
    host = _host(url)
    if host == "queue.amazonaws.com":  # from before there were regions
        return "us-east-1"
    match = _HOST.fullmatch(host)
    return match and next(filter(None, match.groups()))


def is_aws(url: str) -> bool:
    """True if the host is one of AWS's, of any service."""
    return f".{_host(url)}".endswith(tuple(f".{name}" for name in _AWS))


def is_loopback(url: str) -> bool:
    """True if the host is this machine, so an emulator answers."""
    host = _host(url)
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return f".{host}".endswith(tuple(f".{name}" for name in _LOOPBACK))


def _host(url: str) -> str:
    parts = split_url(url)
    return (parts.hostname or "") if parts else ""


def queue_name_of_url(url: str) -> str | None:
    """The queue's name, the last part of the path; None if there is none."""
    parts = split_url(url)
    if parts is None:
        return None
    return unquote(parts.path.rstrip("/").rpartition("/")[2]) or None


def is_same_queue(one: str, other: str) -> bool:
    """True if both URLs lead to the same queue: the hosts may differ, the paths not."""
    parts = [split_url(url) for url in (one, other)]
    paths = {unquote(part.path).strip("/") for part in parts if part}
    regions = {region_of_url(url) for url in (one, other)} - {None}
    return one == other or (None not in parts and len(paths) == 1 and len(regions) <= 1)


def host_and_port(text: str) -> tuple[str, int] | None:
    """An IP address (also "localhost") and a port: "127.0.0.1:9464", "[::1]:9464"."""
    host, _, port = text.rpartition(":")
    host = "127.0.0.1" if host == "localhost" else host
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        return None
    if not re.fullmatch(r"[0-9]{1,5}", port) or not 1 <= int(port) <= 65535:
        return None
    # As URLs have it: without brackets it is not clear where the port begins.
    return (bare, int(port)) if (bare != host) == (address.version == 6) else None
