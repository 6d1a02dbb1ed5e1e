"""Contacts in CSV: the shapes that spreadsheets give it, and the rows that cannot be taken."""

import pytest

from api.errors import UserErrorCode
from api.inputs.contact_csv import read_csv
from api.inputs.contacts import ContactList
from api.inputs.problems import Problem
from persistence.contacts import ContactCard


def read(text: str) -> ContactList:
    listed = ContactList()
    read_csv(text, listed)
    return listed


@pytest.mark.parametrize(
    "text",
    [
        "email,first_name\nada@example.test,Ada\n",
        "First Name,E-Mail\r\nAda,ada@example.test\r\n",
        "\ufeffEmail Address;Firstname\nada@example.test;Ada",
        "email\tfirst_name\nada@example.test\tAda\n",
        '"email","first_name"\n"ada@example.test"," Ada "\n\n , \n',
    ],
)
def test_the_columns_are_found_by_their_names(text: str) -> None:
    """In any order and spelling, with commas, semicolons or tabs, and blank rows passed over."""
    listed = read(text)

    assert listed.cards == {
        "ada@example.test": ContactCard("ada@example.test", "ada@example.test", first_name="Ada")
    }
    assert (listed.invalid, listed.duplicates, listed.rows) == ([], 0, 1)


def test_every_other_column_is_a_custom_field() -> None:
    """Under a name that a template can use; empty cells are no value, commas may be quoted."""
    listed = read('email,Company,Time Zone,Plan,2nd choice,City\na@example.test,"A, B",UTC,pro,x,\n')

    assert listed.cards["a@example.test"] == ContactCard(
        "a@example.test",
        "a@example.test",
        company="A, B",
        zone="UTC",
        custom_fields={"plan": "pro", "_2nd_choice": "x"},
    )


def test_a_row_that_cannot_be_taken_says_why_and_where() -> None:
    """By its line, while the others are taken."""
    listed = read(
        "email,first_name,zone\n"
        "nonsense,Ada,\n"
        "a@example.test,A,UTC\n"
        "b@example.test,B,Nowhere\n"
        ",C,\n"
        'd@example.test,"D\nBcc: all@example.test",\n'
        "e@example.test,E,UTC,too,much\n"
    )

    assert list(listed.cards) == ["a@example.test"]
    assert [(each.line, each.index, each.email, each.field, each.reason) for each in listed.invalid] == [
        (2, None, "nonsense", "email", "An email address must have an @-sign."),
        (
            4,
            None,
            "b@example.test",
            "zone",
            "“Nowhere” is not a zone of the IANA database, for example Europe/Berlin.",
        ),
        (5, None, "", "email", "An email address must have an @-sign."),
        (
            7,
            None,
            "d@example.test",
            "firstName",
            "It holds a line break or another control character.",
        ),
        (8, None, None, None, "It has 5 cells, the header 3."),
    ]
    assert listed.rows == 6


def test_rows_with_one_address_are_merged() -> None:
    """The later adds to the earlier, however the address is spelled."""
    listed = read("email,first_name,plan,seats\nA@example.test,Ada,free,\na@Example.test,,pro,3\n")

    assert listed.cards == {
        "a@example.test": ContactCard(
            "a@example.test",
            "a@example.test",
            first_name="Ada",
            custom_fields={"plan": "pro", "seats": "3"},
        )
    }
    assert (listed.duplicates, listed.rows) == (1, 2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "The header line names no column “email”."),
        ("name,city\nAda,London\n", "The header line names no column “email”."),
        ("email,,city\n", "Column 2 has no name in the header line."),
        ("email,first name,First Name\n", "Two columns are first_name."),
        ('email\n"a@example.test\n', "Line 2: unexpected end of data."),
        ('email\n"a@example.test"x\n', "Line 2: ',' expected after '\"'."),
    ],
)
def test_a_text_that_is_no_table_is_refused(text: str, message: str) -> None:
    """As a whole: nobody can say what its cells mean."""
    with pytest.raises(Problem) as problem:
        read(text)

    assert (problem.value.code, problem.value.message) == (UserErrorCode.INVALID_CSV, message)
