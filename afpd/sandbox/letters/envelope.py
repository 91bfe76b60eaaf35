"""The mail around a letter: MIME with the bank's own charset and encoding, under the headers that Gmail adds.

The topmost Authentication-Results is Gmail's (RFC 8601) and says that DMARC passes for the sender's domain.
"""

import quopri
from base64 import encodebytes
from datetime import datetime
from email.header import Header
from email.utils import format_datetime
from hashlib import sha256
from zoneinfo import ZoneInfo

from afpd.sandbox.letters.layout import Layout

_PACIFIC = ZoneInfo("America/Los_Angeles")

_HEADERS = """\
Delivered-To: {to}
Received: by 2002:a05:{mark:.4}:b0:4cf:991d:86e with SMTP id {mark}csp{number};
        {pacific}
Return-Path: <{address}>
Received: from mta{machine}.{domain} (mta{machine}.{domain}. [203.0.113.{machine}])
        by mx.google.com with ESMTPS id {mark}.{number}
        for <{to}>
        (version=TLS1_3 cipher=TLS_AES_128_GCM_SHA256 bits=128/128);
        {pacific}
Received-SPF: {spf} client-ip=203.0.113.{machine};
Authentication-Results: mx.google.com;
       dkim=pass header.i=@{domain} header.s=selector1 header.b={mark:.8};
       spf={spf} smtp.mailfrom="{address}";
       dmarc=pass (p=REJECT sp=REJECT dis=NONE) header.from={domain}
Date: {date}
From: {sender}
To: {to}
Message-ID: <{message_id}>
Subject: {subject}
MIME-Version: 1.0
Content-Type: {content}; charset="{charset}"
Content-Transfer-Encoding: {encoding}

"""


def sealed(layout: Layout, subject: str, body: str, to: str, when: datetime, message_id: str) -> bytes:
    """Return the whole message as RFC 822 bytes with CRLF. `when` (aware) becomes Date and receive time."""
    mark = sha256(message_id.encode()).hexdigest()[:18]
    machine = 1 + int(mark[:2], 16) % 9
    head = _HEADERS.format(
        to=to,
        mark=mark,
        number=int(mark[:5], 16),
        machine=machine,
        spf=f"pass (google.com: domain of {layout.address} designates 203.0.113.{machine} as permitted sender)",
        pacific=format_datetime(when.astimezone(_PACIFIC)),
        address=layout.address,
        domain=layout.address.partition("@")[2],
        date=format_datetime(when),
        sender=layout.sender,
        message_id=message_id,
        subject=Header(subject, "utf-8" if not subject.isascii() else "us-ascii", header_name="Subject").encode(),
        content=layout.content,
        charset=layout.charset,
        encoding=layout.encoding,
    )
    return head.replace("\n", "\r\n").encode() + _encoded(layout, body)


def _encoded(layout: Layout, body: str) -> bytes:
    content = body.replace("\n", "\r\n").encode(layout.charset)
    if layout.encoding == "base64":
        return encodebytes(content).replace(b"\n", b"\r\n")
    return quopri.encodestring(content.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")
