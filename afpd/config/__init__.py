"""The configuration: what can be set, where it is found, and the secrets that it points to."""

from afpd.config.kinds import Authentication, LogFormat, LogLevel, is_loopback
from afpd.config.load import Loaded, load_settings
from afpd.config.secretfiles import OAuthClient, key_place, parse_client, read_client, read_status_token
from afpd.config.service_account import Keys, ServiceAccount, parse_service_account, read_keys, read_service_account
from afpd.config.settings import Settings, settings_schema
from afpd.config.show import as_toml, effective
from afpd.config.units import format_duration, format_size, parse_duration, parse_size

__all__ = [
    "Authentication",
    "Keys",
    "Loaded",
    "LogFormat",
    "LogLevel",
    "OAuthClient",
    "ServiceAccount",
    "Settings",
    "as_toml",
    "effective",
    "format_duration",
    "format_size",
    "is_loopback",
    "key_place",
    "load_settings",
    "parse_client",
    "parse_duration",
    "parse_service_account",
    "parse_size",
    "read_client",
    "read_keys",
    "read_service_account",
    "read_status_token",
    "settings_schema",
]
