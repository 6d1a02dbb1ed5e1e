"""Scopes and roles, as enums of the API. Whoever uses them imports them from here."""

from api.vocabulary import described
from domain.access import MemberRole, Scope

__all__ = ["MemberRole", "Scope"]

described(
    Scope,
    description="One kind of thing that a caller may do; none includes another.",
    values={
        Scope.READ: "Ask every query.",
        Scope.WRITE: "Do every mutation except those of members and keys.",
        Scope.ADMIN: "Manage members, invitations and API keys.",
    },
)

described(
    MemberRole,
    description="What a person may do in a workspace.",
    values={
        MemberRole.OWNER: "Everything, members and API keys included.",
        MemberRole.MEMBER: "Everything but members and API keys.",
        MemberRole.VIEWER: "Look at everything, and change nothing.",
    },
)
