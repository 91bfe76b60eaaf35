"""`afpd triage` and `afpd banks new`."""

import asyncio
import json

import pytest
from support.world import world
from support.wrong_bank import wrong_library

from afpd.keyring import Keyring

ANA = "ana@example.com"


@pytest.fixture
def filled(place):
    """A database with two unread mails of one layout."""

    async def fill():
        async with world(place.folder) as here:
            here.library, here.keyring = wrong_library(), Keyring.create(place.folder / "afpd.key")
            await here.connect(ANA)
            for _ in range(2):
                here.receive(ANA, "cr-bac-card-declined")
            await here.tick()
            await here.parse()

    asyncio.run(fill())


def test_groups_are_listed_with_their_subjects_masked(afpd, filled):
    (one,) = json.loads(afpd("triage", "list", "--json").stdout)["clusters"]
    assert (one["bank"], one["emails"], one["outcome"], one["state"]) == ("cr-bac", 2, "unmatched", "open")
    assert not any(char.isdigit() for char in one["subject"])
    assert "cr-bac" in afpd("triage", "list").stdout


def test_a_group_is_shown_without_what_is_somebodys(afpd, filled):
    (one,) = json.loads(afpd("triage", "list", "--json").stdout)["clusters"]
    whole = afpd("triage", "show", str(one["id"]), "--whole").stdout
    shown = json.loads(afpd("triage", "show", str(one["id"]), "--json").stdout)
    assert whole.startswith(("Delivered-To", "Authentication", "From", "Received", "To", "Return"))
    assert "comercio" in shown["mail"].lower()
    assert ANA not in shown["mail"]
    assert "unmatched" in afpd("triage", "show", str(one["id"])).stdout


def test_an_ignored_group_is_listed_only_with_all(afpd, filled):
    (one,) = json.loads(afpd("triage", "list", "--json").stdout)["clusters"]
    assert json.loads(afpd("triage", "ignore", str(one["id"]), "--json").stdout) == {"id": one["id"], "ignored": True}
    assert json.loads(afpd("triage", "list", "--json").stdout) == {"clusters": []}
    assert "(ignored)" in afpd("triage", "list", "--all").stdout
    assert "counts again" in afpd("triage", "ignore", str(one["id"]), "--undo").stdout
    assert len(json.loads(afpd("triage", "list", "--json").stdout)["clusters"]) == 1


@pytest.mark.parametrize("verb", ["show", "ignore"])
def test_a_group_that_is_none_is_refused(afpd, database, verb):
    assert "no cluster 7" in afpd("triage", verb, "7", fails=1).stderr


def test_a_bank_file_is_begun_and_never_overwritten(afpd, place):
    place.config.unlink()
    place.write("mail.eml", "From: <a@volcan.cr>\r\nSubject: Aviso\r\n\r\nCompra aprobada hoy\nMonto: CRC 5.00\n")
    begun = afpd("banks", "new", "mail.eml")
    assert 'domains = ["volcan.cr"]' in begun.stdout
    afpd("banks", "new", "mail.eml", "--output", "volcan.toml")
    assert (place.folder / "volcan.toml").read_text() == begun.stdout
    assert "not overwritten" in afpd("banks", "new", "mail.eml", "--output", "volcan.toml", fails=1).stderr
    assert json.loads(afpd("banks", "check", "volcan.toml", "--json").stdout)["code"] == "cr-volcan"


def test_what_is_no_mail_begins_nothing(afpd, place):
    place.write("mail.eml", "\r\n\r\n")
    assert "afpd: " in afpd("banks", "new", "mail.eml", fails=1).stderr
