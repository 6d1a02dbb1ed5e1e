"""Who may do what in a workspace: the scopes of API keys, and the roles of people."""

from collections.abc import Mapping
from enum import StrEnum


class Scope(StrEnum):
    """One kind of thing that a caller may do; none includes another."""

    READ = "READ"
    WRITE = "WRITE"
    ADMIN = "ADMIN"


class MemberRole(StrEnum):
    OWNER = "OWNER"
    MEMBER = "MEMBER"
    VIEWER = "VIEWER"


SCOPES_OF: Mapping[MemberRole, frozenset[Scope]] = {
    MemberRole.OWNER: frozenset(Scope),
    MemberRole.MEMBER: frozenset({Scope.READ, Scope.WRITE}),
    MemberRole.VIEWER: frozenset({Scope.READ}),
}
