"""What a command says when it cannot begin, before anything heavy is imported."""

# EX_CONFIG of sysexits.h: a supervisor that sees it need not try again.
EXIT_CODE = 78


class Misconfigured(Exception):
    """Something is set so that Drumbeat cannot run: *problems* has a line for each, with what helps."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems
