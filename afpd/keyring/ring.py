"""Sealing with AES-256-GCM: what the database holds of tokens and mails is useless without the key file.

A sealed value is: one byte version, four bytes key id, twelve bytes nonce, the ciphertext with its tag. The associated
data is that head and the context ("integration:17:refresh_token"), so a value that is moved to another row, or to
another column, does not open.

The key file holds a line per key, `id base64`. The first key seals, all of them open: to rotate, put a new line on top.
The id is the beginning of the key's SHA-256, so that a damaged line is noticed.
"""

import base64
import binascii
import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from afpd.errors import SecretError
from afpd.keyring.files import read_secret, write_once

_VERSION = b"\x01"
_ID_BYTES = 4
_KEY_BYTES = 32
_NONCE_BYTES = 12
_HEAD_BYTES = len(_VERSION) + _ID_BYTES
_WHAT = "the encryption key"
_COMMENT = (
    "# Keys of afpd. The first seals, all of them open. Without this file nothing sealed can be read: keep a copy.\n"
)


class Keyring:
    """The keys, newest first. Shows only their ids."""

    __slots__ = ("_active", "_ciphers", "_source")

    def __init__(self, keys: list[bytes], source: str = "this keyring") -> None:
        """Take keys of 32 bytes, the first one to seal with; `source` names them in messages (the key file)."""
        self._ciphers = {_id_of(key): AESGCM(key) for key in keys}
        self._active = _id_of(keys[0])
        self._source = source

    def __repr__(self) -> str:
        return f"Keyring({', '.join(self.key_ids)})"

    @property
    def key_ids(self) -> tuple[str, ...]:
        """The ids of the keys as hex, the one that seals first."""
        return tuple(key_id.hex() for key_id in self._ciphers)

    def seal(self, plain: bytes, context: str) -> bytes:
        """Return `plain` encrypted for `context`, which must be told again to open it."""
        # 96 random bits: NIST SP 800-38D, 8.3, allows 2^32 values for a key, some decades of the busiest system.
        nonce = os.urandom(_NONCE_BYTES)
        head = _VERSION + self._active
        return head + nonce + self._ciphers[self._active].encrypt(nonce, plain, head + context.encode())

    def holds_key_of(self, sealed: bytes) -> bool:
        """Tell whether a sealed value was sealed with a key of this ring."""
        return sealed[1:_HEAD_BYTES] in self._ciphers

    def open(self, sealed: bytes, context: str) -> bytes:
        """Return what was sealed for `context`.

        Raises `SecretError` when the key is not held, the value was changed, or it belongs to another context.
        """
        head, nonce = sealed[:_HEAD_BYTES], sealed[_HEAD_BYTES : _HEAD_BYTES + _NONCE_BYTES]
        if len(nonce) < _NONCE_BYTES or head[:1] != _VERSION:
            raise SecretError(f"{context}: is not sealed in a way that this version of afpd knows")
        cipher = self._ciphers.get(head[1:])
        if cipher is None:
            raise SecretError(
                f"{context}: sealed with key {head[1:].hex()}, which {self._source} does not hold; "
                "put the key file that belongs to this database back"
            )
        try:
            return cipher.decrypt(nonce, sealed[_HEAD_BYTES + _NONCE_BYTES :], head + context.encode())
        except InvalidTag:
            raise SecretError(f"{context}: does not open; the stored value was changed or moved") from None

    @classmethod
    def generate(cls) -> "Keyring":
        """Return a keyring with one new key that is kept nowhere."""
        return cls([os.urandom(_KEY_BYTES)])

    @classmethod
    def load(cls, path: Path, *, environ: Mapping[str, str] = os.environ) -> "Keyring":
        """Read a key file. Raises `SecretError` as `read_secret` does, and when a line of it is no key."""
        lines = read_secret(path, _WHAT, environ=environ).decode("ascii", "replace").splitlines()
        keys = [_parse(line, path, number) for number, line in enumerate(lines, 1) if line and not line.startswith("#")]
        if not keys:
            raise SecretError(f"{path}: holds no key; put the key file that belongs to this database back")
        return cls(keys, str(path))

    @classmethod
    def create(cls, path: Path) -> "Keyring":
        """Write a new key file and read it. Where another process was faster, its file stays and is read."""
        write_once(path, (_COMMENT + _line(os.urandom(_KEY_BYTES))).encode())
        return cls.load(path)

    @classmethod
    def open_or_create(
        cls, path: Path, *, holds_sealed: Callable[[], bool], environ: Mapping[str, str] = os.environ
    ) -> "Keyring":
        """Read the key file, or make it while `holds_sealed` says that the database holds nothing sealed yet.

        Raises `SecretError` when the file is missing but needed: a new key would open nothing.
        """
        # In this order: a file that another process made before it sealed anything is seen at the second look.
        if os.path.lexists(path) or not holds_sealed() or os.path.lexists(path):
            return cls.load(path, environ=environ) if os.path.lexists(path) else cls.create(path)
        raise SecretError(
            f"{path}: {_WHAT} does not exist, but the database holds sealed values; put the key file back "
            "from a copy, or name it with secrets.key_file (a new key could not open them)"
        )


def _id_of(key: bytes) -> bytes:
    return hashlib.sha256(b"afpd key " + key).digest()[:_ID_BYTES]


def _line(key: bytes) -> str:
    return f"{_id_of(key).hex()} {base64.b64encode(key).decode()}\n"


def _parse(line: str, path: Path, number: int) -> bytes:
    key_id, _, text = line.strip().partition(" ")
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != _KEY_BYTES or _id_of(key).hex() != key_id:
        raise SecretError(f"{path}:{number}: is damaged or no key; put the right key file back from a copy")
    return key
