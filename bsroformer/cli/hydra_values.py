"""Values in Hydra's grammar: paths with any characters arrive as typed.

Hydra's grammar has a meaning for ``[ ] { } ( ) , = ' "`` and the like, reads ``123`` as a number, and its lexer knows
ASCII only. Values of path keys are quoted, unless they are meant for Hydra: null, a list, a mapping, a quoted string, a
reference to another key, or with ``-m`` a sweep. A file that exists is always meant as it is.
"""

import re
from collections.abc import Callable, Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, Quote, QuotedString, ValueType
from hydra.errors import HydraException
from omegaconf import OmegaConf

from bsroformer.cli.arguments import Arguments, Assignment, exists
from bsroformer.cli.config_tree import PATH_KEYS
from bsroformer.cli.registry import Command
from bsroformer.errors import InputError

LIST_KEYS = ("input", "ckpt", "config", "estimates", "data.extra")
"""Path keys that may hold a list or a mapping."""
WORDS = {"data.pack": ("null", "false")}
"""Values of path keys that are not paths; ``null`` for unlisted keys."""
INTERPOLATION = re.compile(r"\$\{\s*([\w.]+)\s*(:?)")
_QUOTED = r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*\""""
LIST_ELEMENT = re.compile(rf"""(?P<quoted>{_QUOTED})|(?P<key>)(?P<text>[^,\[\]{{}}'"]+)""")
DICT_ELEMENT = re.compile(rf"""(?P<quoted>{_QUOTED})|(?P<key>(?:\s*[\w.-]+\s*:(?!//)\s*)?)(?P<text>[^,\[\]{{}}'"]*)""")


class HydraValues:
    """Writes the arguments of a command line as Hydra reads them.

    Args:
        command: The command of the command line.
        refers: Returns whether a key can be referred to, as in ``output=${paths.runs_dir}/x``.
        nullable: Returns whether ``null`` is a value of a path key; otherwise it is a name.
        sweep: Whether commas separate the values of a sweep (``-m``).
    """

    def __init__(
        self, command: Command, refers: Callable[[str], bool], nullable: Callable[[str], bool], sweep: bool
    ) -> None:
        self.command = command
        self.refers = refers
        self.nullable = nullable
        self.sweep = sweep
        self._parser = OverridesParser.create()

    def overrides(self, arguments: Arguments) -> list[str]:
        """All overrides, that of the positional arguments last."""
        overrides = [each if isinstance(each, str) else self.override(each) for each in arguments.overrides]
        if arguments.positional:
            words = [self._plain_or_literal(word) for word in arguments.positional]
            value = words[0] if len(words) == 1 else f"[{','.join(words)}]"
            overrides.append(f"{self.command.positional}={value}")
        return overrides

    def override(self, given: Assignment) -> str:
        """One override.

        Raises:
            InputError: If a path is empty.
        """
        if given.key not in PATH_KEYS:
            value = given.value if given.value.isascii() else self._quote_non_ascii(given)
        elif not given.value:
            raise InputError(f"{given.key}= is empty; give a path, or remove {given.key}=")
        else:
            value = self.path_value(given.key, given.value)
        return f"{given.prefix}{given.key}={value}"

    def path_value(self, key: str, text: str) -> str:
        """The value of a path key."""
        if exists(text):
            return self._plain_or_literal(text)
        word = text.lower()
        is_word = word in WORDS.get(key, ("null",))
        if is_word and (word != "null" or self.nullable(key)):
            return text
        return self._compound(key, text) or self._word(text)

    def _compound(self, key: str, text: str) -> str | None:
        """A value that is meant for Hydra; None for a path."""
        typed = self._parse(text)
        if typed is not None and (self._is_function(typed) or isinstance(typed._value, QuotedString)):
            return text
        for value in (self._quote_elements(text), text):
            parsed = self._parse(value)
            if parsed is None:
                continue
            if self.sweep and parsed.is_sweep_override():
                return value
            if key in LIST_KEYS and isinstance(parsed.value(), list | dict):
                return value
        return None

    def _is_function(self, parsed: Override) -> bool:
        """Return whether a value is a sweep by name, such as ``choice(a,b)``."""
        return self.sweep and parsed.value_type not in (ValueType.ELEMENT, ValueType.SIMPLE_CHOICE_SWEEP)

    def _word(self, text: str) -> str:
        """A path: as it is, or with references to other keys resolved."""
        names = INTERPOLATION.findall(text)
        known = [OmegaConf.has_resolver(name) if colon else self.refers(name) for name, colon in names]
        if known and all(known) and not exists(text):
            return QuotedString(text, Quote.single).with_quotes()
        return self._plain_or_literal(text)

    def _plain_or_literal(self, text: str) -> str:
        """A path as typed where Hydra reads that, alone and in a list; else quoted."""
        parsed = self._parse(text)
        is_same = parsed is not None and isinstance(parsed._value, str) and parsed._value == text
        has_special = "${" in text or "\\" in text
        return text if is_same and not has_special else literal(text)

    def _quote_elements(self, text: str) -> str:
        """Quote the paths in a list, a mapping or a sweep."""

        def quoted(match: re.Match[str]) -> str:
            word = (match["text"] or "").strip()
            if match["quoted"] or not word or (word == "null" and not exists(word)):
                return match[0]
            return f"{match['key']}{self._word(word)}"

        pattern = DICT_ELEMENT if text.startswith("{") else LIST_ELEMENT
        return pattern.sub(quoted, text)

    def _quote_non_ascii(self, given: Assignment) -> str:
        """Quote what Hydra's lexer does not know in any other value."""

        def quoted(match: re.Match[str]) -> str:
            word = (match["text"] or "").strip()
            return match[0] if match["quoted"] or word.isascii() else f"{match['key']}{quote(word)}"

        pattern = DICT_ELEMENT if given.value.startswith("{") else LIST_ELEMENT
        value = pattern.sub(quoted, given.value)
        if self._parse(value) is None:
            return quote(given.value)
        return value

    def _parse(self, value: str) -> Override | None:
        try:
            return self._parser.parse_override(f"key={value}")
        except HydraException:
            return None


def literal(text: str) -> str:
    """Quote `text` for Hydra and OmegaConf, including a ``${…}`` in it."""
    return quote(re.sub(r"(\\*)\$\{", lambda match: 2 * match[1] + r"\${", text))


def quote(text: str) -> str:
    """Quote `text` for Hydra."""
    return QuotedString(text, Quote.single).with_quotes()


def parse_overrides(overrides: Sequence[str]) -> list[Override]:
    """Read overrides in Hydra's grammar.

    Raises:
        InputError: Naming the first that is not in it.
    """
    parser = OverridesParser.create()
    return [_parse_override(parser, override) for override in overrides]


def _parse_override(parser: OverridesParser, override: str) -> Override:
    try:
        return parser.parse_overrides([override])[0]
    except HydraException as error:
        key, _, value = override.partition("=")
        raise InputError(
            f'{override} cannot be read as key=value; quote a value with special characters: "{key}={quote(value)}"'
        ) from error
