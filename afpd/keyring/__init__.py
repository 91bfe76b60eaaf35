"""Secrets at rest: files that only their owner may read, and the keys that seal what the database holds."""

from afpd.keyring.files import read_secret, secret_place
from afpd.keyring.ring import Keyring

__all__ = ["Keyring", "read_secret", "secret_place"]
