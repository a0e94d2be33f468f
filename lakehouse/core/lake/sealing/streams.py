"""Sealed streams: AES-256-GCM by chunks, each with its number and the last with a mark, under a key of its own a stream.

The construction is STREAM (Hoang, Reyhanitabar, Rogaway, Vizár 2015, https://eprint.iacr.org/2015/189) with the stream's key derived by
HKDF-SHA256 (RFC 5869) from the data key and a salt, as Tink's AES-GCM-HKDF does: chunks that are changed, moved, exchanged with those of
another stream, or missing at the end do not open. The header is `LHS1`, length and name of the class, id of the data key, salt.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lakehouse.core.errors import StorageError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

CHUNK, TAG = 256 * 1024, 16
"""Bytes of a chunk, and what sealing adds to it."""
MAGIC, ID, SALT = b"LHS1", 8, 32


@dataclass(frozen=True)
class DataKey:
    """A key of a class: `id` is 8 bytes, `secret` 32."""

    of: str
    id: bytes
    secret: bytes = field(repr=False)


class Sealer:
    """Seals one stream."""

    def __init__(self, key: DataKey) -> None:
        name = key.of.encode()
        self._header = MAGIC + bytes([len(name)]) + name + key.id + os.urandom(SALT)
        self._cipher = cipher_of(key, self._header)
        self._ready, self._number = b"", 0
        self._begun = False

    def update(self, data: bytes) -> bytes:
        """The bytes to write for the next piece of the stream; the rest is held back."""
        ready = memoryview(self._ready + data)
        out, at = [self._head()], 0
        while len(ready) - at > CHUNK:  # one chunk stays back: it may be the last
            out.append(self._cipher.encrypt(nonce(self._number, last=False), ready[at : at + CHUNK], None))
            self._number, at = self._number + 1, at + CHUNK
        self._ready = bytes(ready[at:])
        return b"".join(out)

    def finish(self) -> bytes:
        """The bytes to write at the end of the stream."""
        return self._head() + self._cipher.encrypt(nonce(self._number, last=True), self._ready, None)

    def _head(self) -> bytes:
        if self._begun:
            return b""
        self._begun = True
        return self._header


def seal(blocks: Iterator[bytes], key: DataKey) -> Iterator[bytes]:
    """A stream of blocks, sealed."""
    sealer = Sealer(key)
    for block in blocks:
        yield sealer.update(block)
    yield sealer.finish()


def unseal(read: Callable[[int], bytes], key: Callable[[str, bytes], DataKey], name: str) -> Iterator[bytes]:
    """The chunks of a sealed stream, each handed out once it was authenticated.

    Args:
        read: reads so many bytes, fewer at the end of the stream.
        key: finds the data key of a class by its id.
        name: for messages.

    Raises:
        StorageError: the stream was changed, or its key is not to be had.
    """
    _, header, found = read_header(read, key, name)
    cipher = cipher_of(found, header)
    number, chunk = 0, _exactly(read, CHUNK + TAG)
    while True:
        following = _exactly(read, CHUNK + TAG) if len(chunk) == CHUNK + TAG else b""
        yield open_chunk(cipher, chunk, number, last=not following, name=name)
        if not following:
            return
        number, chunk = number + 1, following


def read_header(read: Callable[[int], bytes], key: Callable[[str, bytes], DataKey], name: str) -> tuple[str, bytes, DataKey]:
    """The class of a sealed stream, its header as stored, and the data key.

    Raises:
        StorageError: it is none, or its key is not to be had.
    """
    head = _exactly(read, len(MAGIC) + 1)
    if len(head) <= len(MAGIC) or not head.startswith(MAGIC):
        raise changed(name)
    rest = _exactly(read, head[-1] + ID + SALT)
    if len(rest) < head[-1] + ID + SALT:
        raise changed(name)
    try:
        of = rest[: head[-1]].decode()
    except UnicodeDecodeError as error:
        raise changed(name) from error
    return of, head + rest, key(of, rest[head[-1] : head[-1] + ID])


def plain_size(size: int, of: str) -> int:
    """Bytes of a stream that takes so many sealed under a class."""
    body = size - len(MAGIC) - 1 - len(of.encode()) - ID - SALT
    return body - TAG * -(-body // (CHUNK + TAG))


def cipher_of(key: DataKey, header: bytes) -> AESGCM:
    """The cipher of a stream with this header."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # 15 ms, which what is not sealed does without
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return AESGCM(HKDF(SHA256(), 32, salt=header[-SALT:], info=header[:-SALT]).derive(key.secret))


def open_chunk(cipher: AESGCM, chunk: bytes, number: int, *, last: bool, name: str) -> bytes:
    """The bytes of a sealed chunk.

    Raises:
        StorageError: it is not the one that was sealed as number `number` of this stream.
    """
    from cryptography.exceptions import InvalidTag

    try:
        return cipher.decrypt(nonce(number, last=last), chunk, None)
    except (InvalidTag, ValueError) as error:
        raise changed(name) from error


def nonce(number: int, *, last: bool) -> bytes:
    """That of a chunk of a stream."""
    return bytes(7) + struct.pack(">IB", number, last)


def _exactly(read: Callable[[int], bytes], size: int) -> bytes:
    found = read(size)
    while 0 < len(found) < size and (more := read(size - len(found))):
        found += more
    return bytes(found)


def changed(name: str) -> StorageError:
    """The error of a stream that does not open."""
    return StorageError(f"what is kept of `{name}` does not open: it was changed, cut short or exchanged", fix="bring a whole copy of it")
