"""Email addresses: which ones we accept, and when two of them are the same."""

import re
from dataclasses import dataclass

from email_validator import EmailNotValidError, validate_email

# CR, LF and every other control character, also those of Latin-1, and the Unicode line ends. email-validator
# answers them with a message about "unsafe characters"; in an address they are an attempt at injection.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class InvalidAddress(Exception):
    """*address* cannot be written to; *reason* is a sentence for its owner."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(f"{address!r} is not an email address: {reason}")
        self.address = address
        self.reason = reason


@dataclass(frozen=True, slots=True)
class EmailAddress:
    """
    An address that fits in an SMTP envelope without SMTPUTF8.

    The local part keeps its case (RFC 5321 §2.4), the domain is IDNA-encoded and lower-cased.
    """

    local_part: str
    domain: str

    @property
    def text(self) -> str:
        """The address as it is written into letters and envelopes."""
        return f"{self.local_part}@{self.domain}"

    @property
    def normalised(self) -> str:
        """The form that is unique in a workspace: no provider tells two cases of one name apart."""
        return f"{self.local_part.lower()}@{self.domain}"


def parse_address(text: str) -> EmailAddress:
    """
    Read one bare address; spaces around it are dropped. No DNS is asked.

    Reserved names (``.local``, ``.invalid``, a domain without a period) are refused, except ``.test``
    (RFC 2606), which the demo and the tests write to.

    Raises:
        InvalidAddress: For anything else than one address, a display name or a control character included.
    """
    if _CONTROL.search(text):
        raise InvalidAddress(text, "It contains a line break or another control character.")
    try:
        valid = validate_email(
            text.strip(" "),
            allow_smtputf8=False,
            strict=True,  # at most 64 characters before the @ (RFC 5321 §4.5.3.1.1)
            check_deliverability=False,
            test_environment=True,
        )
    except EmailNotValidError as error:
        raise InvalidAddress(text, str(error)) from error
    local_part, _, domain = (valid.ascii_email or "").rpartition("@")
    return EmailAddress(local_part, domain.lower())


def normalised(address: str) -> str:
    """
    Return the form of *address* under which it is unique: ``A.Smith@Bücher.example`` and
    ``a.smith@xn--bcher-kva.example`` are one.

    Raises:
        InvalidAddress: If it is no address.
    """
    return parse_address(address).normalised
