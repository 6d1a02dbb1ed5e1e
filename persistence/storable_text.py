"""Text as PostgreSQL can keep it, for telling what was refused."""


def storable(text: str) -> str:
    """*text* without NULs and halves of characters, which no column can hold."""
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()
