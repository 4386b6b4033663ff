"""Help made from what the program goes by."""

from __future__ import annotations

import pytest
from django.test import Client

from bmsxero.roles import Role
from tests.conftest import ClientOf
from xero_sync import mapping

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("role", Role)
def test_everybody_finds_the_mapping_and_the_words(client_of: ClientOf, role: Role) -> None:
    client = client_of(role)
    page = client.get("/help/").content.decode()
    for path in ("/help/data-mapping/", "/help/glossary/"):
        assert path in page
        assert client.get(path).status_code == 200


def test_the_page_shows_every_line_of_the_mapping(reader: Client) -> None:
    page = reader.get("/help/data-mapping/").content.decode()
    for table in mapping.TABLES:
        assert f'id="{table.anchor}"' in page
        for field in table.fields:
            assert not field.api or f"<code>{field.api}</code>" in page


def test_the_glossary_is_that_of_the_documentation(reader: Client) -> None:
    page = reader.get("/help/glossary/").content.decode()
    assert "Settle time" in page
    assert "|" not in page.split("<main", 1)[1].split("</main>")[0]
