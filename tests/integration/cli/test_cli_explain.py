"""`afpd explain` and `afpd banks`: neither explain nor check needs a configuration."""

import json
import os
import re
from datetime import UTC, datetime
from itertools import chain, count
from pathlib import Path
from random import Random

import pytest

from afpd import banks
from afpd.sandbox.letters import write

AT = datetime(2026, 1, 5, 18, tzinfo=UTC)


def letter(layout, **changes):
    return write(layout, Random(1), changes.get("when", AT), "ana@example.com", serial=1)


@pytest.fixture
def mails(place):
    place.config.unlink()
    folder = place.folder / "mails"
    (folder / "b").mkdir(parents=True)
    (folder / "a b").mkdir()
    place.write("mails/b/card.eml", letter("cr-bac-card").raw)
    place.write("mails/a b/code.EML", letter("cr-bac-code").raw)
    place.write("mails/a b/notes.txt", "no mail")
    place.write("mails/z.eml", letter("private-lunch").raw)
    return folder


def lines(result):
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_mail_is_read_as_the_daemon_reads_it(afpd, mails):
    (told,) = lines(afpd("explain", "--json", "mails/b/card.eml"))
    assert told["file"] == "mails/b/card.eml"
    assert (told["bank"], told["outcome"]) == ("cr-bac", "success")
    assert told["transactions"] == [letter("cr-bac-card").expected]
    assert told["template"]
    assert told["why"]


def test_folders_are_read_below_and_sorted_and_a_named_file_whatever_its_name(afpd, mails):
    told = lines(afpd("explain", "mails", "./mails/b/", "mails/a b/notes.txt", "--json"))
    assert [(one["file"], one["outcome"]) for one in told] == [
        ("mails/a b/code.EML", "ignored"),
        ("mails/b/card.eml", "success"),
        ("mails/z.eml", "unmatched"),
        ("./mails/b/card.eml", "success"),
        ("mails/a b/notes.txt", "unmatched"),
    ]


def test_what_cannot_be_opened_is_named_and_the_rest_still_read(afpd, mails):
    (mails / "b" / "dangling.eml").symlink_to("nowhere")
    result = afpd("explain", "--json", "missing.eml", "mails", fails=1)
    assert [one["file"] for one in lines(result)] == ["mails/a b/code.EML", "mails/b/card.eml", "mails/z.eml"]
    assert result.stderr.splitlines() == [
        "afpd: missing.eml: cannot be opened: No such file or directory",
        "afpd: mails/b/dangling.eml: cannot be opened: No such file or directory",
    ]


def test_a_name_that_is_no_utf_8_is_shown_with_replacements(afpd, mails):
    Path(os.fsdecode(b"mails/\xff.eml")).write_bytes(b"x")
    assert "mails/\ufffd.eml" in [one["file"] for one in lines(afpd("explain", "mails", "--json"))]


def test_a_folder_without_mails_is_no_error(afpd, mails):
    (mails / "empty").mkdir()
    result = afpd("explain", "mails/empty")
    assert (result.stdout, "no .eml file" in result.stderr) == ("", True)


def test_the_date_header_counts_as_the_time_of_receipt(afpd, mails, place):
    when = datetime(2024, 3, 1, 12, tzinfo=UTC)
    place.write("old.eml", letter("cr-bac-card", when=when).raw)
    (told,) = lines(afpd("explain", "--json", "old.eml"))
    assert told["transactions"] == [letter("cr-bac-card", when=when).expected]


def test_people_are_told_why(afpd, mails):
    told = afpd("explain", "mails/b/card.eml", "mails/z.eml").stdout
    expected = letter("cr-bac-card").expected
    assert f"approved purchase (debit) of {expected['amount']} CRC on {expected['occurred_at']}" in told
    assert "dmarc=pass" in told
    assert "is no sender of a known bank" in told


def test_a_forged_mail_gives_nothing(afpd, place):
    raw = letter("cr-bac-card").raw.replace(b"dmarc=pass", b"dmarc=fail")
    place.write("forged.eml", raw)
    (told,) = lines(afpd("explain", "--json", "forged.eml"))
    assert (told["outcome"], told["transactions"]) == ("quarantined", [])


def test_no_database_is_made_and_a_broken_configuration_does_not_matter(afpd, place):
    place.config.write_text("nonsense = 1")
    place.write("a.eml", letter("cr-bac-card").raw)
    assert lines(afpd("explain", "--json", "a.eml"))[0]["outcome"] == "success"
    assert sorted(path.name for path in place.folder.iterdir()) == ["a.eml", "afpd.toml"]
    afpd("explain", "--config", "afpd.toml", "a.eml", fails=78)


def own_bank(sender="alerts@own.example"):
    """A shipped bank file as an operator's own: with a code and senders of its own."""
    source = next(one.text for one in banks.shipped() if one.name == "cr-mutual.toml")
    addresses = (f'address = "{address}"' for address in chain([sender], (f"{n}@own.example" for n in count())))
    own = re.sub(r'^address = ".*"', lambda _: next(addresses), source, flags=re.MULTILINE)
    return own.replace('"cr-mutual"', '"xx-own"')


def test_a_named_configuration_brings_its_bank_folders_and_its_rule(afpd, place):
    (place.folder / "own").mkdir()
    place.write("own/own.toml", own_bank())
    place.config.write_text(place.config.read_text() + '[banks]\nfolders = ["own"]\nauthentication = "off"\n')
    place.write("a.eml", b"From: alerts@own.example\r\nDate: Mon, 5 Jan 2026 12:00:00 -0600\r\n\r\nhello\r\n")
    assert lines(afpd("explain", "--json", "a.eml"))[0]["bank"] is None
    (told,) = lines(afpd("explain", "--config", "afpd.toml", "--json", "a.eml"))
    assert (told["bank"], told["outcome"]) == ("xx-own", "unmatched")


def test_a_bank_file_that_proves_is_said_to(afpd, place):
    place.config.unlink()
    place.write("own.toml", own_bank())
    told = json.loads(afpd("banks", "check", "own.toml", "--json").stdout)
    assert (told["file"], told["ok"], told["code"], told["problems"]) == ("own.toml", True, "xx-own", [])
    assert told["templates"]
    assert afpd("banks", "check", "own.toml").stdout.startswith("own.toml: proves: ")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("nonsense = 1", "format"),
        ("= 1", "own.toml:1: is no TOML"),
        (own_bank("notificacion@notificacionesbaccr.com"), "is a sender of both"),
    ],
)
def test_a_bank_file_that_does_not_prove_is_exit_code_1(afpd, place, source, words):
    place.write("own.toml", source)
    result = afpd("banks", "check", "own.toml", fails=1)
    assert words in result.stdout
    assert result.stderr.startswith("afpd: own.toml: does not prove, ")
    told = json.loads(afpd("banks", "check", "own.toml", "--json", fails=1).stdout)
    assert told["ok"] is False
    assert told["problems"] == result.stdout.splitlines()


def test_a_bank_file_that_cannot_be_read_is_said_in_one_line(afpd):
    assert "No such file" in afpd("banks", "check", "none.toml", fails=1).stderr


def test_banks_list_has_every_shipped_bank_and_its_statistics(afpd, place, database):
    async def make(connection):
        from afpd.store.schema import banks as table

        await connection.execute(table.insert().values(code="cr-bac", name="BAC", emails_seen=7, emails_success=5))
        await connection.execute(table.insert().values(name="Coopealianza", emails_seen=0))

    place.in_database(make)
    told = {one["name"]: one for one in json.loads(afpd("banks", "list", "--json").stdout)["banks"]}
    assert {one["code"] for one in told.values() if one["code"]} == {name.removesuffix(".toml") for name in shipped()}
    assert (told["BAC Credomatic"]["emails_seen"], told["BAC Credomatic"]["emails_success"]) == (7, 5)
    assert told["Coopealianza"]["templates"] == 0
    assert afpd("banks", "list").stdout.startswith("code\tname\tcountry\ttemplates\t")


def shipped():
    return [source.name for source in banks.shipped()]
