"""Mails of 30 KB as banks write them: the sample's own HTML among style sheets, layout tables, links and small print.

The measure are the largest mails of tests/banks/mails (8 KB): 54 characters of HTML to a `<`, and 7 % of all are shown.
Mails of nothing but rows (`bench.reading.padded`) hold half as many tags again, and more than twice as much text.
"""

from bench.hostile import without_content_fields
from bench.reading import LARGE, html_of

from afpd.parse.message import read_message

SHEET = (
    "body, table, td, a {{ -webkit-text-size-adjust: 100%; -ms-text-size-adjust: 100%; }} .c{0} {{ padding: 0 {0}px; }}\n"
    "@media only screen and (max-width: {0}00px) {{ .w{0} {{ width: 100% !important; }} .m{0} {{ display: none; }} }}\n"
)
PREHEADER = (
    '<div style="display:none;font-size:1px;line-height:1px;max-height:0px;overflow:hidden">Avisos de su banco'
    + "&nbsp;&zwnj;" * 20
    + "</div><!--[if mso]><table><tr><td width=600><![endif]-->"
)
BLOCK = """
  <table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" class="w{0} c{0}">
    <tbody><tr>
      <td align="center" valign="top" style="padding: 12px 24px 4px 24px; font-family: Arial, Helvetica, sans-serif">
        <a href="https://click.bank.example/f/a/Zx{0}Q~~/AARW/{0}Ry0h0dHBz?utm_source=mail&amp;utm_campaign=aviso{0}"
           target="_blank" style="color: #52677B; text-decoration: none"><img src="https://img.bank.example/{0}.png"
           width="24" height="24" alt="" style="display: block; border: 0; outline: none"></a>
      </td>
      <td style="vertical-align: top; text-align: left; font-size: 12px; line-height: 18px; color: #2A333D">
        <p style="margin: 0 0 8px 0"><span style="color: #52677B">Beneficio {0}</span><br>Conozca los locales y las condiciones en su sucursal</p>
      </td>
    </tr></tbody>
  </table>
"""


def mixed(raw: bytes) -> bytes:
    """Return the mail grown to 30 KB of HTML."""
    source = html_of(read_message(raw))
    before, end, behind = source.rpartition("</body>") if "</body>" in source else (source, "", "")
    sheet = "<style>" + "".join(map(SHEET.format, range(1, 20))) + "</style>"
    front = _with_front(before, sheet)
    blocks: list[str] = []
    while len(front) + sum(map(len, blocks)) < LARGE:
        blocks.append(BLOCK.format(len(blocks)))
    fields = b"Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    return without_content_fields(raw) + fields + f"{front}{''.join(blocks)}{end}{behind}".encode()


def _with_front(source: str, sheet: str) -> str:
    """Return a source with a sheet in its head, and a hidden text and a comment at the beginning of its body."""
    head, closed, rest = source.partition("</head>")
    source = f"{head}{sheet}{closed}{rest}" if closed else sheet + source
    at = source.find("<body")
    begin = source.find(">", at) + 1 if at >= 0 else len(sheet) if not closed else 0
    return source[:begin] + PREHEADER + source[begin:]
