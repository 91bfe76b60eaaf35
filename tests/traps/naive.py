"""The naive importer, rule by rule: exact changes of the source, each the way in which somebody lost mail."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutation:
    """A rule broken: in the file at `path`, `old` (which stands there once) becomes `new`; then `test` must fail."""

    trap: int
    naive: str
    path: str
    old: str
    new: str
    test: str


IMPORT, ACCESS, READING = "test_traps_import.py::", "test_traps_access.py::", "test_traps_reading.py::"

MUTATIONS = (
    Mutation(
        1,
        "what could not be fetched is forgotten",
        "afpd/loops/fetching.py",
        "            self.brought.parked.append(email)\n",
        "",
        IMPORT + "test_the_cursor_passes_a_mail_that_could_not_be_fetched_only_when_it_is_parked",
    ),
    Mutation(
        1,
        "the cursor moves although the downloads failed",
        "afpd/loops/batch.py",
        "progress=brought.progress if ending is None else None,",
        "progress=brought.progress,",
        IMPORT + "test_no_cursor_passes_mails_when_none_of_them_can_be_fetched",
    ),
    Mutation(
        2,
        "the first page of the history is all of it",
        "afpd/gmail/mailbox.py",
        "            page_token = page.next_page_token\n",
        "            page_token = None\n",
        IMPORT + "test_the_cursor_moves_only_after_the_last_page_of_the_history",
    ),
    Mutation(
        3,
        "one unreadable message ends the visit",
        "afpd/loops/fetching.py",
        "            self._park([self._parked(key, error)])\n        except Unavailable",
        "            raise\n        except Unavailable",
        IMPORT + "test_one_poison_message_blocks_no_mailbox",
    ),
    Mutation(
        3,
        "a rate limit counts against the message",
        "afpd/loops/fetching.py",
        "        except Unavailable as error:\n            self._doubt(key, error)",
        "        except Exception as error:\n            self._doubt(key, error)",
        IMPORT + "test_a_rate_limit_is_not_counted_as_poison",
    ),
    Mutation(
        4,
        "an expired history is an error of the account",
        "afpd/gmail/faults.py",
        "if answer.status == 404 and method is Method.HISTORY:",
        "if answer.status == 410:",
        IMPORT + "test_an_expired_history_is_no_trouble_of_the_account",
    ),
    Mutation(
        4,
        "after an expired history the cursor jumps to the head",
        "afpd/loops/listening.py",
        "        return _refused(claimed, blind)\n",
        "        return Heard(profile.history_id, at)\n",
        IMPORT + "test_the_gap_of_an_expired_history_is_searched",
    ),
    Mutation(
        5,
        "the history is believed to tell everything: no audit",
        "afpd/loops/visit.py",
        "self.audits = is_free and is_audit_due(",
        "self.audits = False and is_audit_due(",
        IMPORT + "test_what_the_history_never_tells_of_is_found_within_two_days",
    ),
    Mutation(
        6,
        "a search begins at the watermark, without overlap",
        "afpd/loops/listening.py",
        "    return min(watermark, at) - max(window.overlap, 2 * window.search_again_after)",
        "    return min(watermark, at)",
        IMPORT + "test_mails_of_one_second_and_of_a_late_index_are_all_kept_within_hours",
    ),
    Mutation(
        7,
        "403 means that a right is missing",
        "afpd/gmail/faults.py",
        "    if _is_rate(complaint):\n        return _rate(answer, complaint, now, rate_pause)\n",
        "    if _is_rate(complaint):\n        return AccessDenied('The user granted too little')\n",
        IMPORT + "test_a_quota_that_says_403_is_a_pause_and_no_missing_right",
    ),
    Mutation(
        8,
        "only the outer status of a batch counts",
        "afpd/gmail/batch.py",
        "Answer(int(status[1]), named,",
        "Answer(200, named,",
        ACCESS + "test_every_part_of_a_batch_has_an_end_of_its_own",
    ),
    Mutation(
        9,
        "as many downloads of one mailbox at once as there are",
        "afpd/gmail/client.py",
        "REQUESTS_AT_ONCE = 2\n",
        "REQUESTS_AT_ONCE = 20\n",
        ACCESS + "test_one_mailbox_is_never_asked_more_than_two_things_at_once",
    ),
    Mutation(
        10,
        "a failing request is repeated until the visit's time is over",
        "afpd/gmail/retries.py",
        "tried >= self.most or ",
        "",
        IMPORT + "test_no_request_is_tried_more_often_in_one_visit_than_allowed",
    ),
    Mutation(
        11,
        "any trouble of the token endpoint means to sign in again",
        "afpd/gmail/token_faults.py",
        'PartyRefused(f"Google does not accept the OAuth client of client_file ({error})")\n'
        "        case _:\n            return _unavailable(answer, error, now)",
        'PartyRefused(f"Google does not accept the OAuth client of client_file ({error})")\n'
        '        case _:\n            return AccessRevoked("Sign in again", "")',
        ACCESS + "test_trouble_of_the_token_endpoint_asks_nobody_to_sign_in",
    ),
    Mutation(
        12,
        "a revoked grant is one more failure that passes",
        "afpd/schedule.py",
        "            return _revoked(standing, ending, now, rules)\n",
        "            return undecided(standing, now)\n",
        ACCESS + "test_a_grant_that_is_gone_for_good_is_not_asked_for_again_and_again",
    ),
    Mutation(
        13,
        "a rejected client is the user's fault",
        "afpd/gmail/token_faults.py",
        '            return PartyRefused(f"Google does not accept the OAuth client of client_file ({error})")',
        '            return AccessRevoked("Sign in again", "")',
        ACCESS + "test_a_rejected_client_marks_no_user_dead",
    ),
    Mutation(
        14,
        "everybody who misses a token asks for one",
        "afpd/gmail/access.py",
        "                if self._is_stale(now, refused):\n                    await self.refresh(renew)",
        "                await self.refresh(renew)",
        ACCESS + "test_many_who_want_a_token_at_once_send_one_request",
    ),
    Mutation(
        15,
        "the declared charset is believed",
        "afpd/parse/charset.py",
        "        return repaired(payload.removeprefix(codecs.BOM_UTF8).decode(), payload)\n",
        '        return payload.decode(name or "utf-8")\n',
        READING + "test_a_charset_that_lies_is_not_believed",
    ),
    Mutation(
        16,
        "only the topmost parts are looked at",
        "afpd/parse/mime.py",
        '    if kind.startswith("multipart/") and depth < MAX_DEPTH:',
        '    if kind.startswith("multipart/") and depth < 1:',
        READING + "test_a_body_that_lies_deep_inside_is_read",
    ),
    Mutation(
        17,
        "a history id is a number with a fraction",
        "afpd/gmail/shapes.py",
        "        raise _malformed(what)\n    return text\n",
        "        raise _malformed(what)\n    return str(int(float(text)))\n",
        IMPORT + "test_a_history_id_keeps_every_digit_of_its_64_bits",
    ),
    Mutation(
        18,
        "the newest id that somebody named is where the history begins",
        "afpd/loops/listening.py",
        "await mailbox.history(cursor, ",
        "await mailbox.history(profile.history_id, ",
        IMPORT + "test_the_history_is_asked_from_our_own_cursor_and_never_from_a_newer_id",
    ),
    Mutation(
        19,
        "after a good visit a mailbox waits to be announced",
        "afpd/schedule.py",
        "next_run_at=next_on_grid(standing.due_at, standing.every, max(now, not_before)))",
        "next_run_at=now + timedelta(days=7))",
        IMPORT + "test_a_mailbox_that_announces_nothing_is_asked_at_every_turn_all_the_same",
    ),
    Mutation(
        20,
        "poison stays poison",
        "afpd/loops/fetching.py",
        "            self._retried.update(chosen)\n",
        "",
        IMPORT + "test_a_poison_message_is_kept_once_it_can_be_read",
    ),
    Mutation(
        20,
        "the body of what nobody can read is thrown away",
        "afpd/store/transactions.py",
        "            processed_at=now,\n            read_with=read_with,\n",
        "            processed_at=now,\n            body=None,\n            read_with=read_with,\n",
        READING + "test_a_mail_that_nobody_can_read_yet_keeps_its_body_for_the_day_when_somebody_can",
    ),
    Mutation(
        21,
        "every failed visit is told aloud",
        "afpd/loops/lines.py",
        "is_loud = first and counts",
        "is_loud = counts",
        ACCESS + "test_the_same_trouble_is_told_aloud_once_however_long_it_lasts",
    ),
)
