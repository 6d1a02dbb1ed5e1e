"""Unsubscribe links: GET shows a button and changes nothing, POST obeys (RFC 8058)."""

import structlog
from starlette.requests import Request
from starlette.responses import Response

from api.context import Services
from api.pages import page
from domain.signed_texts import InvalidToken
from domain.unsubscribe import KEY_PURPOSE, UnsubscribeToken, read_token
from persistence.suppressions import unsubscribe
from persistence.vault import Vault

log: structlog.stdlib.BoundLogger = structlog.get_logger()


def unsubscribe_key(vault: Vault) -> bytes:
    """The key that unsubscribe links are signed with."""
    return vault.derive(KEY_PURPOSE)


async def answer(request: Request, services: Services) -> Response:
    """Show or obey the link of *request*; one that we did not make is 404."""
    try:
        token = read_token(unsubscribe_key(services.vault), request.path_params["token"])
    except InvalidToken:
        return page(404, "This link is not complete", "<p>Please follow the whole link from the email.</p>")
    if request.method != "POST":
        return page(200, "Unsubscribe?", _BUTTON)
    await _obey(services, token)
    return page(200, "You are unsubscribed", "<p>No more emails will be sent to you.</p>")


async def _obey(services: Services, token: UnsubscribeToken) -> None:
    """
    Whatever the body is: mailbox providers send `List-Unsubscribe=One-Click` in either form encoding,
    the button of the page does too, and nothing but a person or their provider makes a POST of this link.
    """
    now = await services.clock.now()
    async with services.database.transaction(token.workspace_id) as conn:
        is_new = await unsubscribe(
            conn, workspace_id=token.workspace_id, contact_id=token.contact_id, now=now
        )
    log.info("contact.unsubscribed", contact_id=str(token.contact_id), is_new=is_new)


# Without an action, a form goes to the address of its page.
_BUTTON = """<form method="post">
<input type="hidden" name="List-Unsubscribe" value="One-Click">
<button>Unsubscribe</button>
</form>"""
