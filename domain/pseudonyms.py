"""Pseudonyms: what stands in place of the address of somebody who is to be forgotten."""

import hmac
from dataclasses import dataclass
from uuid import UUID

# What the key is derived for.
KEY_PURPOSE = "pseudonyms"
# Reserved: nothing is ever delivered there (RFC 2606 §2).
_DOMAIN = "erased.invalid"


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """Made with a *key*: only who has it can tell whether an address is the one that was forgotten."""

    key: bytes

    def of_address(self, workspace_id: UUID, address: str) -> str:
        """The same for a normalised *address* each time, another one in each workspace; an address too."""
        digest = hmac.digest(self.key, workspace_id.bytes + address.encode(), "sha256")
        return f"{digest.hex()}@{_DOMAIN}"


def unlinked(contact_id: UUID) -> str:
    """A pseudonym that tells nothing of the address it stands for, for a contact who may come back."""
    return f"{contact_id.hex}@{_DOMAIN}"
