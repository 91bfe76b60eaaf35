"""A Gmail on localhost: quickstart, tests and rehearsals talk to it instead of Google.

    sandbox = Sandbox(clock=clock, seed=7)                      # all settings: see `Sandbox`
    ana = sandbox.add_user("ana@example.com")                   # a `Mailbox`, with ana.refresh_token
    letter = sandbox.write_letter("ana@example.com", "cr-bac-card")
    message_id = sandbox.deliver("ana@example.com", letter)     # or ana.deliver(raw_bytes, ...)
    sandbox.faults.add(Fault.RATE_429, user="ana@example.com", first=2)
    async with sandbox.serve() as url:                          # "http://127.0.0.1:PORT"
        sandbox.write_client_secret(path, url)
        ...                                                     # api_url = url, token_url = f"{url}/token"
    assert sandbox.traffic.gets["ana@example.com", message_id] == 1
    assert sandbox.units == 27

Where things are: `mailbox` (deliver, delete, labels, spam, expired history), `letters` (mails in real layouts),
`faults` (what goes wrong), `quota` (units), `traffic` (counters), `tokens` (expiry, revocation, consent page),
`control` (the same over HTTP under /sandbox/), `run` (the verb `afpd sandbox`).

Addresses are the names of users everywhere; times come from the clock that was given.
"""

from afpd.sandbox.faults import TRANSIENT, Fault, FaultPlan
from afpd.sandbox.letters import Letter
from afpd.sandbox.mailbox import Mailbox
from afpd.sandbox.sandbox import Sandbox

__all__ = ["TRANSIENT", "Fault", "FaultPlan", "Letter", "Mailbox", "Sandbox"]
