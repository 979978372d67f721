"""What a page consists of."""

from html.parser import HTMLParser

VOID = {"meta", "link", "img", "br", "hr"}


class Page(HTMLParser):
    """The elements of a page, in order; an error if one is not closed."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(source)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def sources(self, tag: str) -> list[str]:
        return [attributes["src"] or "" for name, attributes in self.elements if name == tag]

    def has_nothing_from_elsewhere(self) -> bool:
        """Whether all that it shows, plays and runs is in it."""
        own = all(source.startswith("data:") for tag in ("img", "audio") for source in self.sources(tag))
        return own and not any(tag == "link" or (tag == "script" and attributes) for tag, attributes in self.elements)
