"""Settings: environment variables ``KAQUAN_…``, then a TOML file, then the defaults here."""

import os
from pathlib import Path
from typing import Literal

import platformdirs
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from kaquan.runtime.errors import InvalidInput

CONFIG_FILE_VARIABLE = "KAQUAN_CONFIG"


class Settings(BaseSettings):
    """Everything an operator can set; ``kaquan settings`` lists names, values and meanings."""

    model_config = SettingsConfigDict(env_prefix="KAQUAN_", extra="ignore", frozen=True)

    data_dir: Path = Field(
        default_factory=lambda: platformdirs.user_data_path("kaquan"),
        description="Folder of the embedded database and of files that Kaquan writes.",
    )
    database_url: SecretStr | None = Field(
        default=None,
        description="PostgreSQL 15 or later to use instead of the embedded one.",
    )
    database_pool_size: int = Field(
        default=10, ge=2, le=200, description="Connections to the database per process."
    )
    public_url: str | None = Field(
        default=None,
        description="Address under which shoppers and staff reach this server; "
        "links in messages start with it. Default: the address it serves on.",
    )
    smtp_host: str | None = Field(
        default=None,
        description="SMTP server for e-mail; without it messages stay in the outbox.",
    )
    smtp_port: int = Field(default=587, ge=1, le=65535, description="Port of the SMTP server.")
    smtp_username: str | None = Field(default=None, description="User name at the SMTP server.")
    smtp_password: SecretStr | None = Field(
        default=None, description="Password at the SMTP server."
    )
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="How the connection to the SMTP server is protected."
    )
    mail_from: str = Field(
        default="Kaquan <coupons@localhost>", description="Sender of e-mail messages."
    )
    oidc_issuer: str | None = Field(
        default=None,
        description="OpenID Connect provider that people may sign in by: its issuer's address.",
    )
    oidc_client_id: str | None = Field(
        default=None, description="Name of this server at the OpenID Connect provider."
    )
    oidc_client_secret: SecretStr | None = Field(
        default=None, description="Secret of this server at the OpenID Connect provider."
    )
    oidc_name: str = Field(
        default="OpenID", description="What the sign-in page calls the OpenID Connect provider."
    )
    webhook_private_networks: bool = Field(
        default=False,
        description="Let webhooks go to plain HTTP addresses and into private networks.",
    )
    attempt_days: int = Field(
        default=30,
        ge=0,
        le=3650,
        description="Days for which validations and qualifications are kept with their traces; "
        "0 keeps none. Redemptions are kept for good.",
    )
    master_key: SecretStr | None = Field(
        default=None,
        description="Master key that wraps projects' keys: 32 bytes in base64. Further ones after "
        "a blank only unwrap.",
    )
    master_key_file: Path | None = Field(
        default=None,
        description="File with the master key, a line a key. Default: 'master.key' in the data "
        "folder, made at the first start.",
    )
    erasure_log: Path | None = Field(
        default=None,
        description="File that remembers who was erased, for a database restored from an older "
        "dump. Default: 'erasures.jsonl' in the data folder.",
    )
    lake: str | None = Field(
        default=None,
        description="Folder, or URL that fsspec knows, of the Parquet copy that figures are "
        "worked out on. Default: the folder 'lake' in the data folder.",
    )
    warehouse: SecretStr | None = Field(
        default=None,
        description="Ibis URL of another engine to work figures out on, instead of DuckDB.",
    )
    log_format: Literal["auto", "console", "json"] = Field(
        default="auto", description="Log lines for people (console) or for machines (json)."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least severe log line that is written."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources: arguments, environment, TOML file."""
        configured = os.environ.get(CONFIG_FILE_VARIABLE)
        toml = TomlConfigSettingsSource(settings_cls, Path(configured) if configured else None)
        return (init_settings, env_settings, toml)


def load_settings(data_dir: Path | None = None) -> Settings:
    """Read the settings; ``data_dir`` given on the command line wins over every source.

    Raises InvalidInput naming the first setting that cannot be understood.
    """
    configured = os.environ.get(CONFIG_FILE_VARIABLE)
    if configured and not Path(configured).is_file():
        message = f"{CONFIG_FILE_VARIABLE} names '{configured}', which is not a file."
        raise InvalidInput(message, field=CONFIG_FILE_VARIABLE)
    try:
        settings = Settings(data_dir=data_dir) if data_dir is not None else Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "KAQUAN_" + "_".join(str(part) for part in first["loc"]).upper()
        message = f"{name} is not usable: {first['msg']}."
        raise InvalidInput(message, field=name) from error
    return settings.model_copy(update={"data_dir": settings.data_dir.expanduser().resolve()})
