"""Letters on their way out: an attempt's templates filled in, with the way to unsubscribe."""

from datetime import datetime

from domain.letter import Letter, Recipient, Sender, compile_letter
from domain.unsubscribe import unsubscribe_token
from persistence.attempts import Attempt


class LetterWriter:
    """Writes letters whose unsubscribe links lead to *public_url* and are signed with *token_key*."""

    def __init__(self, *, public_url: str, token_key: bytes) -> None:
        self._public_url = public_url.rstrip("/")
        self._token_key = token_key

    def write(self, attempt: Attempt, *, date: datetime) -> Letter:
        """
        Write the letter of *attempt*, dated *date*.

        Raises:
            TemplateError: If a value is missing or the template cannot be filled in.
            HeaderInjection: If a value would break out of its header.
        """
        token = unsubscribe_token(
            self._token_key,
            workspace_id=attempt.workspace_id,
            contact_id=attempt.contact_id,
            sequence_id=attempt.sequence_id,
        )
        return compile_letter(attempt.step_text).write(
            sender=Sender(attempt.from_name or None, attempt.from_address),
            recipient=Recipient(attempt.recipient_name, attempt.recipient_address),
            fields=attempt.fields,
            message_id=attempt.message_id,
            thread=attempt.thread,
            unsubscribe_url=f"{self._public_url}/u/{token}",
            date=date,
        )
