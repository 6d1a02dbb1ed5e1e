"""Promises of rebalances: what a token says, and whom it says nothing."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from domain.ids import MailboxId, SequenceId, WorkspaceId
from domain.rebalances import Promise, RebalanceScope, promise_token, read_promise
from domain.signed_texts import InvalidToken

KEY = b"k" * 32
WORKSPACE = WorkspaceId(UUID(int=1))
SEQUENCE = SequenceId(UUID(int=2))
BOXES = (MailboxId(UUID(int=3)), MailboxId(UUID(int=4)))
AS_OF = datetime(2026, 3, 2, 9, 0, 0, 123_456, tzinfo=UTC)


def promise(scope: RebalanceScope, digest: bytes = b"d" * 32) -> Promise:
    return Promise(scope, as_of=AS_OF, digest=digest)


@pytest.mark.parametrize(
    "scope",
    [
        RebalanceScope(),
        RebalanceScope(SEQUENCE),
        RebalanceScope(None, BOXES),
        RebalanceScope(SEQUENCE, BOXES[:1]),
    ],
)
def test_a_token_says_what_was_promised(scope: RebalanceScope) -> None:
    """To the microsecond, with and without a sequence and mailboxes; the same promise has the same token."""
    token = promise_token(KEY, workspace_id=WORKSPACE, promise=promise(scope))

    assert read_promise(KEY, token, workspace_id=WORKSPACE) == promise(scope)
    assert promise_token(KEY, workspace_id=WORKSPACE, promise=promise(scope)) == token


def test_another_plan_has_another_token() -> None:
    """The digest of the changes is what makes the difference."""
    one, other = (
        promise_token(KEY, workspace_id=WORKSPACE, promise=promise(RebalanceScope(), digest))
        for digest in (b"d" * 32, b"e" * 32)
    )

    assert one != other


def test_a_token_is_for_one_workspace() -> None:
    """In another one it is no token at all."""
    token = promise_token(KEY, workspace_id=WORKSPACE, promise=promise(RebalanceScope()))

    with pytest.raises(InvalidToken):
        read_promise(KEY, token, workspace_id=WorkspaceId(UUID(int=9)))


def test_every_changed_character_is_noticed() -> None:
    """Also what is cut off, put on, made under another key, or no token at all."""
    token = promise_token(KEY, workspace_id=WORKSPACE, promise=promise(RebalanceScope(SEQUENCE)))
    changed = [
        token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        for place in range(len(token))
    ]
    foreign = promise_token(b"x" * 32, workspace_id=WORKSPACE, promise=promise(RebalanceScope()))

    for text in [*changed, token[:-4], token + "AAAA", foreign, "", "x", "é"]:
        with pytest.raises(InvalidToken):
            read_promise(KEY, text, workspace_id=WORKSPACE)
