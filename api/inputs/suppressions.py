"""Suppressions as they are asked for."""

import strawberry

from api.errors import UserErrorCode
from api.inputs import values
from api.inputs.problems import Problems
from api.inputs.rehearsals import Rehearsable
from api.scalars import EmailAddress

MOST_ADDRESSES = 5_000


@strawberry.input(description="Addresses that are to be written to no more.")
class SuppressInput(Rehearsable):
    emails: list[EmailAddress] = strawberry.field(
        description=f"The addresses, at most {MOST_ADDRESSES}, whether contacts have them or not."
    )


@strawberry.input(description="Addresses that may be written to again.")
class UnsuppressInput:
    emails: list[EmailAddress] = strawberry.field(description=f"The addresses, at most {MOST_ADDRESSES}.")


def normalised_addresses(emails: list[EmailAddress], problems: Problems) -> frozenset[str]:
    """The addresses in the form that is unique; each that is none is a problem."""
    if len(emails) > MOST_ADDRESSES:
        problems.add(UserErrorCode.TOO_MANY, f"There are more than {MOST_ADDRESSES}.", "emails")
        return frozenset()
    normalised = set()
    for index, email in enumerate(emails):
        with problems.at("emails", str(index)):
            normalised.add(values.address(email).normalised)
    return frozenset(normalised)
