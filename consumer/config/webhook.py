"""The keys of `consume webhook`; what they mean is in config.example.yaml."""

from pathlib import Path

from pydantic import Field, SecretStr

from consumer.config.section import Section


class TlsSettings(Section):
    """The certificate of the webhook, if there is no proxy in front of it that has one."""

    certificate_file: Path | None = None
    key_file: Path | None = None


class WebhookSettings(Section):
    """How posts are received. `load` fills `secret_path` from its file."""

    listen: str = Field(
        default="127.0.0.1:8443",
        description="an IP address of this machine, and a port, such as 127.0.0.1:8443",
    )
    require_signature: bool = True
    secret_path: SecretStr | None = Field(
        default=None,
        description='a path that can\'t be guessed: "/", and what "openssl rand -hex 16" prints',
    )
    secret_path_file: Path | None = None
    tls: TlsSettings = TlsSettings()
