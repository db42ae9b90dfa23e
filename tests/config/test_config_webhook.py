"""The section of the webhook: what is refused, and what is warned of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from consumer.errors import ConfigurationError
from tests.cases import for_each

if TYPE_CHECKING:
    from pathlib import Path

    from tests.config.conftest import LoadText


@for_each(
    "section, said",
    [
        ("require_signature: false", "set webhook.secret_path"),
        ("secret_path: /short", "at least 128 bits"),
        ("secret_path: /0123456789abcdef01234567", "at least 128 bits"),
        ("secret_path: /0123456789abcdef0123456789abcdef/x", "at least 128 bits"),
        ("listen: everywhere", "an IP address of this machine, and a port"),
        ("tls: {certificate_file: a.pem}", "webhook.tls.key_file is missing"),
        ("tls: {key_file: a.pem}", "webhook.tls.certificate_file is missing"),
        (
            "{secret_path: /0123456789abcdef0123456789abcdef, secret_path_file: file}",
            "keep one of them",
        ),
    ],
)
def test_what_is_refused(load_text: LoadText, section: str, said: str) -> None:
    """With what would be right, and without the secret."""
    section = section if section.startswith("{") else f"{{{section}}}"

    with pytest.raises(ConfigurationError, match=said) as caught:
        load_text(f"webhook: {section}")

    assert "0123456789" not in str(caught.value)
    assert "short" not in str(caught.value)


def test_a_secret_path_of_22_letters_has_128_bits(load_text: LoadText, tmp_path: Path) -> None:
    """As base64url; with or without the slash, from a file as well."""
    (tmp_path / "path").write_text("AbCdEfGhIjKlMnOpQrStUv\n")

    settings = load_text(f"webhook: {{secret_path_file: {tmp_path / 'path'}}}").settings

    assert settings.webhook.secret_path is not None
    assert settings.webhook.secret_path.get_secret_value() == "AbCdEfGhIjKlMnOpQrStUv"
    assert "AbCdEf" not in repr(settings)


def test_plain_http_for_others_is_warned_of(load_text: LoadText) -> None:
    """Unless it has a certificate of its own."""
    loaded = load_text('webhook: {listen: "0.0.0.0:8443"}')

    (warning,) = loaded.warnings
    assert "unencrypted" in warning
    tls = "tls: {certificate_file: a, key_file: b}"
    assert not load_text(f'webhook: {{listen: "0.0.0.0:8443", {tls}}}').warnings
