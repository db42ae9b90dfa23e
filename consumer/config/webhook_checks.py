"""What must hold for `consume webhook`: who can post events, and over what."""

import re
from ipaddress import ip_address
from typing import Final

from consumer.config.fields import FIELDS, right_for
from consumer.config.layers import Sources
from consumer.config.models import Settings
from consumer.config.problems import HIDDEN, shown
from consumer.config.urls import host_and_port
from consumer.config.webhook import WebhookSettings

#: 128 bits: as hexadecimal digits, or in the letters of base64url.
_SECRET_PATH: Final = re.compile(r"/?(?:[0-9a-fA-F]{32,128}|(?=.*[G-Zg-z_-])[A-Za-z0-9_-]{22,128})")


def check_webhook(settings: Settings, sources: Sources) -> None:
    """What can be checked without the file of the secret."""
    webhook, key = settings.webhook, "webhook.secret_path"
    if webhook.secret_path and webhook.secret_path_file:
        place = sources.where(key)
        sources.add(f"{key}_file", f"{key} is given, too ({place}); keep one of them")
    if not (webhook.require_signature or webhook.secret_path or webhook.secret_path_file):
        sources.add(
            "webhook.require_signature",
            "false: without signatures only a secret path shows that a post comes from Canvas; "
            f"set {key}, or remove this line",
        )
    tls = webhook.tls
    if (tls.certificate_file is None) != (tls.key_file is None):
        given, other = ("certificate_file", "key_file")[:: 1 if tls.certificate_file else -1]
        error = f"webhook.tls.{other} is missing; give both, or neither"
        sources.add(f"webhook.tls.{given}", error)
    _check_listen(webhook, sources)


def _check_listen(webhook: WebhookSettings, sources: Sources) -> None:
    key, listen = "webhook.listen", webhook.listen
    address = host_and_port(listen)
    if address is None:
        sources.add(key, f"{shown(listen)}: must be {right_for(FIELDS[key])}")
    elif not (ip_address(address[0]).is_loopback or webhook.tls.certificate_file):
        sources.warn(
            key,
            f"{listen}: without webhook.tls, events reach it unencrypted: there must be a proxy "
            "with TLS in front of it, in a network of your own",
        )


def check_secret_path(webhook: WebhookSettings, sources: Sources) -> None:
    """The secret path, also one from a file. It is not shown."""
    path = webhook.secret_path
    if path is not None and not _SECRET_PATH.fullmatch(path.get_secret_value()):
        key = "webhook.secret_path_file" if webhook.secret_path_file else "webhook.secret_path"
        right = right_for(FIELDS["webhook.secret_path"])
        sources.add(key, f"{HIDDEN}: must be {right} (at least 128 bits)")
