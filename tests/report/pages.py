"""What a page consists of."""

from html.parser import HTMLParser

VOID = {"meta", "link", "img", "br", "hr", "source"}


class Page(HTMLParser):
    """The elements of a page, in order; an error if one is not closed."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.dots: list[tuple[str, str]] = []
        self.dot: str | None = None
        self.feed(source)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        classes = (dict(attrs).get("class") or "").split()
        if tag == "i" and "dot" in classes:
            self.dot = next(name for name in classes if name.startswith("of-"))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        if self.dot and data.strip():
            self.dots.append((self.dot, data.strip()))
            self.dot = None

    def sources(self, tag: str) -> list[str]:
        return [attributes["src"] or "" for name, attributes in self.elements if name == tag]

    def dark_sources(self) -> list[str]:
        """The pictures for readers who prefer dark."""
        found = [attributes for name, attributes in self.elements if name == "source"]
        assert all(attributes["media"] == "(prefers-color-scheme: dark)" for attributes in found)
        return [attributes["srcset"] or "" for attributes in found]

    def has_nothing_from_elsewhere(self) -> bool:
        """Whether all that it shows, plays and runs is in it."""
        own = all(source.startswith("data:") for tag in ("img", "audio") for source in self.sources(tag))
        own = own and all(source.startswith("data:") for source in self.dark_sources())
        return own and not any(tag == "link" or (tag == "script" and attributes) for tag, attributes in self.elements)
