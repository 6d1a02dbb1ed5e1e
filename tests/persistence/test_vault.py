"""Secrets at rest: what comes back, and what does not."""

from uuid import UUID

import pytest

from persistence.vault import UnreadableSecret, Vault

ROW = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
OTHER_ROW = UUID("01890a5d-ac96-774b-bcce-b302099a8058")
KEY = b"k" * 32


def test_a_secret_comes_back() -> None:
    """Whatever its characters, by any vault with the same key."""
    secret = Vault(KEY).encrypt("pä ss\nwörd", row_id=ROW)

    assert Vault(KEY).decrypt(secret, row_id=ROW) == "pä ss\nwörd"


def test_a_secret_shows_nothing_of_itself() -> None:
    """Not its text, and not that two of them are equal."""
    first, second = (Vault(KEY).encrypt("password", row_id=ROW) for _ in range(2))

    assert b"password" not in first
    assert first != second


@pytest.mark.parametrize(
    ("key", "row_id"), [(b"another key of thirty-two bytes.", ROW), (KEY, OTHER_ROW)], ids=["key", "row"]
)
def test_a_secret_is_bound_to_its_key_and_its_row(key: bytes, row_id: UUID) -> None:
    """Copied into another mailbox's row, a password is of no use."""
    secret = Vault(KEY).encrypt("password", row_id=ROW)

    with pytest.raises(UnreadableSecret) as refused:
        Vault(key).decrypt(secret, row_id=row_id)

    assert refused.value.row_id == row_id


@pytest.mark.parametrize("byte", [0, 1, 13, -1], ids=["version", "nonce", "text", "tag"])
def test_a_changed_secret_is_unreadable(byte: int) -> None:
    """Every byte is covered."""
    secret = bytearray(Vault(KEY).encrypt("password", row_id=ROW))
    secret[byte] ^= 1

    with pytest.raises(UnreadableSecret):
        Vault(KEY).decrypt(bytes(secret), row_id=ROW)


@pytest.mark.parametrize("secret", [b"", b"\x01", b"\x01" + bytes(12), b"\x01" + bytes(27)])
def test_a_cut_secret_is_unreadable(secret: bytes) -> None:
    """Too short to hold a nonce and a tag."""
    with pytest.raises(UnreadableSecret):
        Vault(KEY).decrypt(secret, row_id=ROW)


def test_a_derived_key_serves_one_purpose() -> None:
    """The same at every call, another one for another purpose or secret key (RFC 5869 with SHA-256)."""
    derived = Vault(KEY).derive("unsubscribe")

    assert derived == Vault(KEY).derive("unsubscribe")
    assert len(derived) == 32
    assert len({derived, Vault(KEY).derive("sessions"), Vault(bytes(32)).derive("unsubscribe"), KEY}) == 4
