"""Which addresses are accepted, and which are the same."""

import pytest

from domain.addresses import EmailAddress, InvalidAddress, normalised, parse_address


def test_an_address_keeps_the_case_of_its_local_part_and_not_of_its_domain() -> None:
    """RFC 5321 leaves the local part to its host, while domains have no case."""
    address = parse_address("Ada.Byron+news@Mail.EXAMPLE.com")

    assert address == EmailAddress("Ada.Byron+news", "mail.example.com")
    assert address.text == "Ada.Byron+news@mail.example.com"
    assert address.normalised == "ada.byron+news@mail.example.com"


@pytest.mark.parametrize(
    ("written", "unique"),
    [
        ("ada@example.com", "ada@example.com"),
        ("  ADA@Example.COM  ", "ada@example.com"),
        ("Ada@Bücher.example", "ada@xn--bcher-kva.example"),
        ("ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example"),
        ("ada@shop.test", "ada@shop.test"),
        ("o'hara_1@example.com", "o'hara_1@example.com"),
    ],
)
def test_spellings_of_one_address_are_the_same(written: str, unique: str) -> None:
    """Case, spaces around it and the two spellings of an international domain do not make a new address."""
    assert normalised(written) == unique
    assert normalised(unique) == unique


@pytest.mark.parametrize(
    "text",
    [
        "ada@example.com\r\nBcc: eve@example.com",
        "ada@example.com\n",
        "ada\r@example.com",
        "ada\x00@example.com",
        "ada\t@example.com",
        "ada@exam\x7fple.com",
        "ada@example.com\x85",
        "ada@example.com\u2028",
    ],
)
def test_control_characters_are_refused_as_such(text: str) -> None:
    """A line break in an address is an attempt at header injection, and is never trimmed away."""
    with pytest.raises(InvalidAddress) as refused:
        parse_address(text)

    assert refused.value.address == text
    assert refused.value.reason == "It contains a line break or another control character."


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ada",
        "@example.com",
        "ada@",
        "ada@localhost",
        "ada@printer.local",
        "ada@gmail",
        "ada@@example.com",
        "ada@example..com",
        "a da@example.com",
        "Ada <ada@example.com>",
        "ada@example.com, eve@example.com",
        '"ada lovelace"@example.com',
        "ada@[192.0.2.1]",
        "jürgen@example.com",
        "x" * 65 + "@example.com",
        "ada@" + "a" * 64 + ".com",
    ],
)
def test_anything_but_one_plain_address_is_refused_with_a_reason(text: str) -> None:
    """The reason is a sentence that can be shown to whoever typed the address."""
    with pytest.raises(InvalidAddress) as refused:
        normalised(text)

    assert refused.value.address == text
    assert refused.value.reason.endswith(".")
    assert str(refused.value) == f"{text!r} is not an email address: {refused.value.reason}"
