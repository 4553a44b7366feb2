"""The master key: kept outside of the database, it wraps the keys that projects have inside it.

A list of keys of 32 bytes each, in base64, from the environment or from a file: the first wraps, all
of them unwrap. A file is read again whenever a key is wrapped, or was wrapped by a key that is not
known yet, so processes that run learn of a rotation. docs/explanation/personal-data.md.
"""

import hmac
import os
import tempfile
from base64 import b64decode, b64encode
from collections.abc import Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kaquan.runtime.errors import InvalidInput, Unavailable
from kaquan.runtime.settings import Settings

KEY_VARIABLE, FILE_VARIABLE = "KAQUAN_MASTER_KEY", "KAQUAN_MASTER_KEY_FILE"

_KEY_BYTES = 32
_NONCE_BYTES = 12
_NAME_DIGITS = 16
_DEFAULT_FILE = "master.key"


class MasterKeyMissing(Unavailable):
    """There is no master key where the settings say it is."""

    key = "master_key_missing"


class MasterKeyWrong(Unavailable):
    """The database's keys were wrapped by another master key than those at hand."""

    key = "master_key_wrong"


class MasterKeys:
    """The master keys at hand; the first one wraps."""

    def __init__(self, keys: Sequence[bytes], *, file: Path | None = None) -> None:
        """Take keys of 32 bytes each; ``file`` is read again where it may have changed."""
        self._file = file
        self._ciphers: dict[str, AESGCM] = {}
        self._take(keys)

    @property
    def names(self) -> tuple[str, ...]:
        """What the keys are called: digests of them, in their order."""
        return tuple(self._ciphers)

    def wrap(self, key: bytes, place: str) -> tuple[str, bytes]:
        """Return the name of the master key in use, and ``key`` encrypted for its place by it."""
        self.refresh()
        name = self.names[0]
        nonce = os.urandom(_NONCE_BYTES)
        return name, nonce + self._ciphers[name].encrypt(nonce, key, place.encode())

    def unwrap(self, wrapped: bytes, place: str, *, name: str) -> bytes:
        """Return the key that the master key ``name`` wrapped for this place.

        Raises MasterKeyWrong when it is not at hand, or when anything was changed or moved.
        """
        if name not in self._ciphers:
            self.refresh()
        cipher = self._ciphers.get(name)
        if cipher is None:
            raise MasterKeyWrong(_other_key([name], self.names))
        try:
            return cipher.decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], place.encode())
        except InvalidTag as error:
            message = f"The key of {place} was changed, or moved from another place."
            raise MasterKeyWrong(message) from error

    def check(self, used: Sequence[str]) -> None:
        """Raise MasterKeyWrong unless all master keys of these names are at hand."""
        if unknown := [name for name in used if name not in self._ciphers]:
            raise MasterKeyWrong(_other_key(unknown, self.names))

    def refresh(self) -> None:
        """Read the file again, if there is one. Raises MasterKeyMissing when it is gone."""
        if self._file is not None:
            self._take(_read(self._file))

    def _take(self, keys: Sequence[bytes]) -> None:
        self._ciphers = {_name_of(key): AESGCM(key) for key in keys}


def master_key_file(settings: Settings) -> Path | None:
    """Return the file that the master keys stand in; None when the environment has them."""
    if settings.master_key is None:
        return settings.master_key_file or settings.data_dir / _DEFAULT_FILE
    if settings.master_key_file is not None:
        message = f"{KEY_VARIABLE} and {FILE_VARIABLE} are both set: only one can be right."
        raise InvalidInput(message, field=FILE_VARIABLE)
    return None


def read_master_keys(settings: Settings) -> MasterKeys:
    """Return the master keys of the settings.

    Raises MasterKeyMissing when there is none, and InvalidInput for what is no key.
    """
    file = master_key_file(settings)
    if file is not None:
        return MasterKeys(_read(file), file=file)
    assert settings.master_key is not None
    return MasterKeys(_decode(settings.master_key.get_secret_value(), KEY_VARIABLE))


def prepare_master_keys(settings: Settings, used: Sequence[str]) -> MasterKeys:
    """Return the master keys, those named ``used`` among them; the first time a key is made.

    Raises as read_master_keys does, and MasterKeyWrong for keys that are not those in use.
    """
    file = master_key_file(settings)
    if file is not None and not file.exists():
        if used or settings.master_key_file is not None:
            wrapped = f", and the database's keys are wrapped by {', '.join(used)}" if used else ""
            message = (
                f"There is no master key: {file} is missing{wrapped}."
                f" Put the file back, or set {KEY_VARIABLE}."
            )
            raise MasterKeyMissing(message)
        write_master_keys(file, [generate_master_key()], afresh=True)
    keys = read_master_keys(settings)
    keys.check(used)
    return keys


def generate_master_key() -> str:
    """Return a fresh master key as it is written down."""
    return b64encode(os.urandom(_KEY_BYTES)).decode()


def list_master_lines(file: Path) -> list[tuple[str, str]]:
    """Return the keys of a file, by name, as they are written down."""
    return [(_name_of(key), b64encode(key).decode()) for key in _read(file)]


def write_master_keys(file: Path, lines: Sequence[str], *, afresh: bool = False) -> None:
    """Replace a file of master keys at one stroke, readable by its owner only.

    With ``afresh`` a file that another process has just written is left as it is.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "w", encoding="ascii") as written:
            written.write("".join(f"{line}\n" for line in lines))
            written.flush()
            os.fsync(written.fileno())
        if afresh:
            file.hardlink_to(name)
        else:
            Path(name).replace(file)
    except FileExistsError:
        return
    finally:
        Path(name).unlink(missing_ok=True)


def _read(file: Path) -> list[bytes]:
    try:
        text = file.read_text(encoding="ascii")
    except FileNotFoundError as error:
        message = f"There is no master key: {file} is missing."
        raise MasterKeyMissing(message) from error
    except (OSError, UnicodeDecodeError) as error:
        message = f"The master key cannot be read from {file}: {error}"
        raise InvalidInput(message, field=FILE_VARIABLE) from error
    return _decode(text, f"{FILE_VARIABLE} ({file})")


def _decode(text: str, field: str) -> list[bytes]:
    keys: list[bytes] = []
    for number, word in enumerate(text.split(), 1):
        try:
            key = b64decode(word, validate=True)
        except ValueError:
            key = b""
        if len(key) != _KEY_BYTES:
            message = f"Key {number} is not {_KEY_BYTES} bytes in base64; make one with 'kaquan keys generate'."
            raise InvalidInput(message, field=field)
        keys.append(key)
    if not keys:
        message = "There is no key; make one with 'kaquan keys generate'."
        raise InvalidInput(message, field=field)
    return keys


def _name_of(key: bytes) -> str:
    return hmac.digest(key, b"kaquan master key", "sha256").hex()[:_NAME_DIGITS]


def _other_key(unknown: Sequence[str], known: Sequence[str]) -> str:
    return (
        f"The database's keys are wrapped by master key {', '.join(unknown)}; at hand is"
        f" {', '.join(known)}. Set {KEY_VARIABLE} or {FILE_VARIABLE} to the right one."
    )
