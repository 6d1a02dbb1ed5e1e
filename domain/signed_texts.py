"""Texts that we give out and take back: they cannot be guessed or changed by whoever keeps them."""

import base64
import binascii
import hmac
from functools import lru_cache

_MAC_BYTES = 16


class InvalidToken(Exception):
    """The text is no token of ours, or was changed on the way."""


def signed_text(key: bytes, payload: bytes, *, purpose: bytes) -> str:
    """*payload* and its signature in URL-safe characters; *purpose* binds it to one use of *key*."""
    signed = payload + _signature(key, payload, purpose)
    return base64.urlsafe_b64encode(signed).rstrip(b"=").decode("ascii")


def read_signed_text(key: bytes, text: str, *, purpose: bytes) -> bytes:
    """
    Return the payload of *text*.

    Raises:
        InvalidToken: If it was not made by `signed_text` with the same *key* and *purpose*, character by
            character.
    """
    signed = _decoded(text)
    payload, signature = signed[:-_MAC_BYTES], signed[-_MAC_BYTES:]
    if not hmac.compare_digest(signature, _signature(key, payload, purpose)):
        raise InvalidToken
    return payload


def _signature(key: bytes, payload: bytes, purpose: bytes) -> bytes:
    begun = _begun(key, purpose).copy()
    begun.update(payload)
    return begun.digest()[:_MAC_BYTES]


@lru_cache(maxsize=16)
def _begun(key: bytes, purpose: bytes) -> hmac.HMAC:
    """A signature as far as all with this key and purpose are the same: half of what one costs."""
    return hmac.new(key, purpose, "sha256")


def _decoded(text: str) -> bytes:
    padding = "=" * (-len(text) % 4)
    try:
        signed = base64.b64decode(text + padding, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidToken from error
    # The last character of base64 has spare bits: one token, one spelling.
    if base64.urlsafe_b64encode(signed).decode("ascii") != text + padding:
        raise InvalidToken
    return signed
