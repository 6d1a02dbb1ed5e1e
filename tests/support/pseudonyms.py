"""Pseudonyms as the API of the tests makes them."""

from domain.pseudonyms import KEY_PURPOSE, Pseudonyms
from persistence.vault import Vault

PSEUDONYMS = Pseudonyms(Vault(b"k" * 32).derive(KEY_PURPOSE))
