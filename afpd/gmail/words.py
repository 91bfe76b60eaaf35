"""What a stranger's text may become inside an error message of ours: one short, harmless line without secrets."""

import re

_LONGEST = 160
# Only a prefix is looked at, so that a huge hostile body costs nothing.
_READ_AT_MOST = 500
# Markup, shell and terminal characters have no place in a message that lands in tables, pages and terminals.
_UNSAFE = re.compile(r"[^\w .,:;'%()/+=@?*#&~-]")
_WEB_ADDRESS = re.compile(r"\b\w{2,12}://\S*", re.IGNORECASE)
_MAIL_ADDRESS = re.compile(r"[^\s(,:;']+(?:@|%40)[^\s),:;']+")
# Google's tokens and codes begin so; anything else that is long and has no spaces is taken for a secret, too.
_SECRET = re.compile(r"(?:ya29\.|1//|4/0|GOCSPX-|eyJ)[\w./~+=-]*|(?:bearer|basic)\s+\S+|[\w.~+/=-]{40,}", re.IGNORECASE)


def harmless(text: str) -> str:
    """Return the first line of `text`, at most 160 characters, printable, with addresses and secrets replaced."""
    lines = text[:_READ_AT_MOST].strip().splitlines()
    if not lines:
        return ""
    line = _WEB_ADDRESS.sub("(link)", lines[0])
    line = _SECRET.sub("(secret)", line)
    line = _MAIL_ADDRESS.sub("(address)", line)
    line = " ".join(_UNSAFE.sub(" ", line).split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1].rstrip() + "…"


def quoted(text: str) -> str:
    """Return `text` made harmless as a bracketed remark to end a sentence with, or nothing when nothing is left."""
    line = harmless(text)
    return f" (Google says: {line})" if line else ""
