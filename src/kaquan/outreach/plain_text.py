"""The plain-text part of a message, read off its HTML."""

import re
from html.parser import HTMLParser

_UNSEEN = frozenset({"head", "style", "script", "title"})
_BLOCKS = frozenset({"p", "div", "tr", "table", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6"})
_SPACES = re.compile(r"[ \t\r\n\f\u00a0]+")


def plain_text(html: str) -> str:
    """Return what the HTML says: a line a block, links followed by their address."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.text()


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._lines: list[str] = [""]
        self._unseen = 0
        self._links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _UNSEEN:
            self._unseen += 1
        elif tag in _BLOCKS or tag in ("br", "li"):
            self._lines.append("- " if tag == "li" else "")
        elif tag == "a":
            self._links.append(dict(attrs).get("href") or "")

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNSEEN:
            self._unseen = max(self._unseen - 1, 0)
        elif tag in _BLOCKS:
            self._lines.append("")
        elif tag == "a" and self._links:
            address = self._links.pop()
            if address and not self._lines[-1].endswith(address):
                self._lines[-1] += f": {address}"

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self._lines[-1] += _SPACES.sub(" ", data)

    def text(self) -> str:
        """The lines read, without the blank ones."""
        return "\n".join(line for line in (raw.strip() for raw in self._lines) if line) + "\n"
