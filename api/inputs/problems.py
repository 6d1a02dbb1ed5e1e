"""Problems of an input: all of them together, each with the place where it was found."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from api.errors import UserError, UserErrorCode


class Problem(Exception):
    """A value that cannot be taken, and why; its place is known to whoever read it."""

    def __init__(self, code: UserErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class InputRefused(Exception):
    """An input is not acted upon; inside a transaction it rolls everything back."""

    def __init__(self, errors: list[UserError]) -> None:
        super().__init__("; ".join(f"{'.'.join(error.path)}: {error.message}" for error in errors))
        self.errors = errors


class Problems:
    """
    What is wrong with one input, in the order in which it is read.

    The reading is a block, at whose end `InputRefused` is raised if anything was found.
    """

    def __init__(self) -> None:
        self.found: list[UserError] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, raised: type[BaseException] | None, *_: object) -> None:
        if self.found and raised is None:
            raise InputRefused(self.found)

    @contextmanager
    def at(self, *path: str) -> Iterator[None]:
        """Read a value at *path*: a `Problem` with it is kept, and reading goes on behind the block."""
        try:
            yield
        except Problem as problem:
            self.add(problem.code, problem.message, *path)

    def add(self, code: UserErrorCode, message: str, *path: str) -> None:
        self.found.append(UserError(code=code, message=message, path=list(path)))


def refuse(code: UserErrorCode, message: str, *path: str) -> InputRefused:
    """The refusal of an input for one reason, to be raised."""
    return InputRefused([UserError(code=code, message=message, path=list(path))])
