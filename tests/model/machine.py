"""A mailbox, its user, Gmail and the machine that afpd runs on, doing whatever they like in whatever order.

Each rule is a sentence; a failing example is a story of them. `teardown` is the end of every story: the trouble is
over, time passes, and what is stored must be what the model says.
"""

import asyncio
import shutil
import tempfile
from collections import Counter
from collections.abc import Coroutine
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from model.doom import Place
from model.story import Story
from model.universe import Seed, Universe

from afpd.sandbox import Fault

ANA = "ana@example.com"
LAYOUTS = ("cr-bac-card", "cr-bac-card-declined", "cr-bn-voucher", "cr-promerica-offer", "cr-bcr-sinpe-movil-sent")
METHODS = ("token", "getProfile", "history.list", "messages.list", "messages.get")
TROUBLE = (
    Fault.RATE_429, Fault.RATE_429_TIMED, Fault.CONCURRENT_429, Fault.RATE_403, Fault.USER_RATE_403, Fault.DAILY_403,
    Fault.NOT_CONFIGURED_403, Fault.EXPIRED_TOKEN_401, Fault.SERVER_500, Fault.SERVER_503, Fault.HTML_502,
    Fault.LIST_503, Fault.EMPTY_504, Fault.TRUNCATED, Fault.CUT, Fault.RESET, Fault.SLOW, Fault.INVALID_GRANT,
    Fault.INVALID_CLIENT, Fault.PERMISSIONS_403, Fault.GONE, Fault.HISTORY_EXPIRED, Fault.HISTORY_DOUBLED,
    Fault.HISTORY_SHUFFLED,
)  # fmt: skip
MINUTES = st.sampled_from([5, 5, 5, 35, 125, 26 * 60])
ARRIVING = st.lists(st.sampled_from(LAYOUTS), max_size=3)
INDEX_LAG = st.sampled_from([0, 0, 90, 20 * 60, 100 * 60])
WHICH = st.integers(0, 9)
AROUND_TRANSACTIONS = st.sampled_from([Place.BEFORE_TRANSACTION, Place.BEFORE_COMMIT, Place.AFTER_COMMIT])


class Deed(StrEnum):
    """What a user, or a filter, does to a mail."""

    DELETES = "deletes"
    TRASHES = "trashes"
    TAKES_BACK = "takes back from trash or spam"
    FILES = "files under a label"


class MailboxMachine(RuleBasedStateMachine):
    """One story of one mailbox. `seed` and `shelf` are set for a whole chapter, `told` counts its stories."""

    seed: ClassVar[Seed]
    shelf: ClassVar[Path]
    told: ClassVar[Counter[str]]

    @initialize(largest_page=st.sampled_from([2, 5, 500]), page_budget=st.sampled_from([3, 20]), arriving=ARRIVING)
    def an_integration_is_connected(self, largest_page: int, page_budget: int, arriving: list[str]) -> None:
        self.folder = Path(tempfile.mkdtemp(dir=self.shelf))
        self.runner = asyncio.Runner()
        self.world = Universe(self.seed, self.folder, [ANA], {"import": {"page_budget": page_budget}})
        self._do(self.world.begin())
        self.story = Story(self.world, ANA)
        self.story.mailbox.largest_page = largest_page
        self._arrive(arriving)

    # The mailbox

    @rule(layouts=st.lists(st.sampled_from(LAYOUTS), min_size=1, max_size=4), index_lag=INDEX_LAG)
    def banks_write_in_one_second(self, layouts: list[str], index_lag: int) -> None:
        self._arrive(layouts, index_lag)

    @rule(friends=st.integers(0, 3), spam=st.integers(0, 1))
    def others_write_and_a_bank_mail_lands_in_spam(self, friends: int, spam: int) -> None:
        for _ in range(friends):
            self.world.here.receive(ANA, "private-lunch")
        for _ in range(spam):
            self.story.hide(self.world.here.receive(ANA, "cr-bac-card"), "SPAM")

    @rule(deed=st.sampled_from(Deed), which=WHICH)
    def the_user_does_to_a_mail(self, deed: Deed, which: int) -> None:
        mailbox = self.story.mailbox
        for mail in self._one_of(which):
            match deed:
                case Deed.DELETES:
                    mailbox.delete(mail)
                case Deed.TRASHES:
                    self.story.hide(mail, "TRASH")
                case Deed.TAKES_BACK:
                    mailbox.remove_label(mail, "SPAM", "TRASH")
                    mailbox.add_label(mail, "INBOX")
                case Deed.FILES:
                    mailbox.remove_label(mail, "INBOX", "UNREAD")
                    mailbox.add_label(mail, "Label_7")

    @rule(minutes=MINUTES, arriving=ARRIVING)
    def gmail_forgets_its_history_before_the_visit_after(self, minutes: int, arriving: list[str]) -> None:
        self._arrive(arriving)
        self.story.mailbox.expire_history()
        self._visit(minutes)

    # Gmail, and the user's grant

    @rule(fault=st.sampled_from(TROUBLE), percent=st.sampled_from([5, 20, 60]), seed=WHICH)
    def gmail_has_a_bad_time(self, fault: Fault, percent: int, seed: int) -> None:
        self.world.sandbox.faults.seed = seed
        self.world.sandbox.faults.add(fault, percent=percent, first=20, seconds=20)

    @rule(which=WHICH, fault=st.sampled_from([Fault.TRUNCATED, Fault.SERVER_500, Fault.CUT]))
    def one_mail_cannot_be_downloaded(self, which: int, fault: Fault) -> None:
        for mail in self._one_of(which):
            self.world.sandbox.faults.add(fault, message_id=mail)

    @rule()
    def the_trouble_is_over(self) -> None:
        self.world.sandbox.faults.clear()

    @rule(minutes=MINUTES)
    def the_user_takes_the_grant_away_before_the_visit_after(self, minutes: int) -> None:
        self.world.sandbox.revoke(ANA)
        self._visit(minutes)

    @rule()
    def the_user_signs_in_again(self) -> None:
        self._do(self.story.sign_in())

    # Visits, and what happens in them

    @rule(minutes=MINUTES, arriving=ARRIVING)
    def afpd_visits_after(self, minutes: int, arriving: list[str]) -> None:
        self._arrive(arriving)
        self._visit(minutes)

    @rule(minutes=MINUTES, arriving=ARRIVING, after_requests=st.integers(0, 9), index_lag=INDEX_LAG)
    def mails_arrive_during_the_visit_after(
        self, minutes: int, arriving: list[str], after_requests: int, index_lag: int
    ) -> None:
        faults = self.world.sandbox.faults
        faults.meanwhile, faults.requests_until = lambda: self._arrive(arriving, index_lag), after_requests
        self._visit(minutes)

    @rule(
        minutes=MINUTES, arriving=ARRIVING, fault=st.sampled_from(TROUBLE), method=st.sampled_from(METHODS),
        after=st.sampled_from([0, 0, 1, 2]), times=st.sampled_from([1, 2, 5, 9]),
    )  # fmt: skip
    def something_goes_wrong_in_the_visit_after(
        self, minutes: int, arriving: list[str], fault: Fault, method: str, after: int, times: int
    ) -> None:
        self._arrive(arriving)
        self.world.sandbox.faults.add(fault, method=method, after=after, first=times, seconds=20)
        self._visit(minutes)

    @rule(minutes=MINUTES, arriving=ARRIVING, method=st.sampled_from(METHODS))
    def gmail_hangs_in_the_visit_after(self, minutes: int, arriving: list[str], method: str) -> None:
        self._arrive(arriving)
        hang = self.world.sandbox.faults.add(Fault.HANG, method=method, first=1)
        self._visit(minutes)
        self.world.sandbox.faults.rules.remove(hang)

    @rule(minutes=MINUTES, arriving=ARRIVING, place=st.sampled_from(Place), nth=st.integers(0, 14))
    def afpd_dies_in_the_visit_after(self, minutes: int, arriving: list[str], place: Place, nth: int) -> None:
        self._arrive(arriving)
        self.world.doom.place = place
        self.world.doom.left = {Place.TURN: 15 * nth, Place.REQUEST: nth}.get(place, nth // 2)
        self._visit(minutes)

    @rule(minutes=MINUTES, arriving=ARRIVING, after=st.integers(0, 3), times=st.integers(1, 3))
    def the_disk_is_full_in_the_visit_after(self, minutes: int, arriving: list[str], after: int, times: int) -> None:
        self._arrive(arriving)
        self.world.doom.refuses_after, self.world.doom.refusals = after, times
        self._visit(minutes)

    # Reading, and the machine

    @rule()
    def afpd_reads_the_mails(self) -> None:
        self._do(self.world.parse())

    @rule(place=AROUND_TRANSACTIONS, nth=st.integers(0, 3))
    def afpd_dies_while_it_reads_the_mails(self, place: Place, nth: int) -> None:
        self.world.doom.place, self.world.doom.left = place, nth
        self._do(self.world.parse())

    @rule()
    def afpd_is_restarted(self) -> None:
        self._do(self.world.restart())

    def teardown(self) -> None:
        """Let all trouble end and time pass, compare, and close."""
        if not hasattr(self, "story"):
            return
        try:
            self._do(self.story.comes_to_rest())
            self.story.compare()
            self._do(self.story.does_nothing_more())
        finally:
            self._do(self.world.end())
            self.runner.close()
            shutil.rmtree(self.folder)
            self.told.update(self.story.told())

    def _arrive(self, layouts: list[str], index_lag: int = 0) -> None:
        for layout in layouts:
            self.world.here.receive(ANA, layout, indexed_after=index_lag)

    def _visit(self, minutes: int) -> None:
        self.world.clock.elapsed += minutes * 60
        self._do(self.story.visit())

    def _one_of(self, which: int) -> list[str]:
        """Return one of the bank mails that are there, or none."""
        there = [message.id for message in self.story.bank_mails() if message.id in self.story.mailbox.messages]
        return [there[which % len(there)]] if there else []

    def _do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)
