"""A model card for the Hugging Face Hub, in Markdown with front matter."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bsroformer.checkpoints.ledger import OTHERS, Ledger
from bsroformer.checkpoints.ledger_text import describe_ledger
from bsroformer.data.song_terms import UNKNOWN
from bsroformer.errors import InputError
from bsroformer.models.settings import ModelSettings
from bsroformer.report.evaluation_tables import Tree, scores_table
from bsroformer.report.markdown import markdown_table
from bsroformer.safe_files import read_json
from bsroformer.text import count

HUB_LICENSES = (
    *("afl-3.0", "agpl-3.0", "apache-2.0", "artistic-2.0", "bsd-2-clause", "bsd-3-clause", "bsl-1.0", "cc0-1.0"),
    *("cc-by-2.0", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0", "cc-by-nc-2.0", "cc-by-nc-3.0"),
    *("cc-by-nc-4.0", "cc-by-nd-4.0", "cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0", "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0"),
    *("cc-by-nc-sa-4.0", "gpl-2.0", "gpl-3.0", "isc", "lgpl-2.1", "lgpl-3.0", "mit", "mpl-2.0", "openrail"),
    *("unlicense", "unknown", "other"),
)
"""Licences that the Hub knows by name; it shows others as ``other`` with a ``license_name``."""
MAX_DATA_SETS = 20
"""Data sets named in the front matter."""
RESULTS = "results.json"
CHANNELS = {1: "mono", 2: "stereo"}


@dataclass(frozen=True)
class CardFacts:
    """Facts of a model card.

    Attributes:
        name: Name of the model.
        address: Path or address by which the commands name the model.
        settings: Its settings.
        parameters: Number of its parameters.
        digest: Digest of its weights.
        license: Licence of the weights; None if unknown.
        ledger: Its training data; None if unknown.
        results: The tree of an evaluation's ``results.json``; None without one.
    """

    name: str
    address: str
    settings: ModelSettings
    parameters: int
    digest: str
    license: str | None
    ledger: Ledger | None
    results: Tree | None = None


def read_results(path: Path) -> Tree:
    """Read the results of an evaluation, from its folder, the folder of a training, or ``results.json``.

    Raises:
        InputError: If there are none, or they are damaged.
    """
    files = [path] if path.suffix == ".json" else [path / RESULTS, path / "evaluation" / RESULTS]
    file = next((file for file in files if file.is_file()), None)
    if file is None:
        raise InputError(f"results={path} has no {RESULTS}; give the folder of bsroformer evaluate")
    results: Tree = read_json(file)
    try:
        _results_table(results)
    except (KeyError, TypeError, AttributeError, ValueError, IndexError) as error:
        raise InputError(f"{file} is not the result of an evaluation, or is damaged; evaluate again") from error
    return results


def _results_table(results: Tree) -> str:
    return markdown_table(scores_table(results))


def model_card(facts: CardFacts) -> str:
    """Write the card."""
    return "\n\n".join(_parts(facts)) + "\n"


def _parts(facts: CardFacts) -> Iterator[str]:
    """Yield the parts of the card, which empty lines separate."""
    settings = facts.settings
    yield f"---\n{yaml.safe_dump(front_matter(facts), sort_keys=False, allow_unicode=True)}---"
    yield f"# {_escaped(facts.name)}"
    channels = CHANNELS.get(settings.channels, f"{settings.channels} channels")
    yield (
        f"Separates music into stems. Architecture `{settings.architecture}`, {facts.parameters / 1e6:.1f} M "
        f"parameters, {settings.sample_rate} Hz {channels}, windows of {settings.chunk_seconds:g} s."
    )
    yield "## Stems"
    yield "\n".join(f"- {_escaped(stem)}" for stem in settings.stems)
    yield "## Use"
    yield from _use(facts)
    yield "## Results"
    yield from _results(facts.results)
    yield "## Licence and training data"
    yield from _ledger(facts)


def front_matter(facts: CardFacts) -> dict[str, Any]:
    """Return the metadata that the Hub reads."""
    license = facts.license or UNKNOWN
    known = license.casefold() in HUB_LICENSES
    tree: dict[str, Any] = {"license": license.casefold() if known else "other"}
    if not known:
        tree["license_name"] = license
    tree["library_name"] = "bsroformer"
    tree["pipeline_tag"] = "audio-to-audio"
    tree["tags"] = ["music-source-separation", "source-separation", facts.settings.architecture.replace("_", "-")]
    names = _data_set_names(facts.ledger)
    if names:
        tree["datasets"] = names[:MAX_DATA_SETS]
    return tree


def _data_set_names(ledger: Ledger | None) -> list[str]:
    """Return the names of all data sets as the Hub writes them, those of base weights included."""
    if ledger is None:
        return []
    names = [data.name for each in ledger.generations() for data in each.data]
    slugs = [re.sub(r"[^\w.-]+", "-", name).strip("-.") for name in names]
    return [slug for slug in dict.fromkeys(slugs) if slug]


def _use(facts: CardFacts) -> Iterator[str]:
    yield f"```bash\nbsroformer separate song.mp3 --ckpt {facts.address}\n```"
    python = (
        "import bsroformer\n\n"
        f'model = bsroformer.load_model("{facts.address}")\n'
        "separator = bsroformer.Separator(model)\n"
        'bsroformer.separate_file(separator, "song.mp3", "separated/song")'
    )
    yield f"```python\n{python}\n```"
    inspect = f"bsroformer checkpoint inspect {facts.address} -o configs/model/mine.yaml"
    train = f"bsroformer train init_from={facts.address} model=mine data=folder data.root=songs"
    yield f"To fine-tune it:\n\n```bash\n{inspect}\n{train}\n```"


def _results(results: Tree | None) -> Iterator[str]:
    if results is None:
        yield "Not evaluated yet."
        return
    yield _results_table(results)
    songs = count(results["songs"], "song")
    split = _escaped(str(results["split"]))
    yield f"In dB, on {songs} ({split}); in brackets the 95 % confidence interval, resampled over songs."
    bounds = {method["kind"]: method["name"] for method in results["methods"]}
    if "mixture" in bounds:
        yield "The row mixture is the score of the mixture itself, unseparated."
    if "oracle" in bounds:
        yield f"The row {_escaped(str(bounds['oracle']))} is an upper bound that is computed from the true stems."


def _ledger(facts: CardFacts) -> Iterator[str]:
    license = facts.license or UNKNOWN
    yield f"Licence of the weights: {_escaped(license)}."
    yield from map(_bold, warnings_of(facts.ledger))
    lines = describe_ledger(facts.ledger)
    yield "\n".join(f"{_indent(line)}- {_escaped(line.strip())}" for line in lines)
    yield f"Digest of the weights, whose first 16 digits are in the tags of the stems: `{facts.digest}`."


def warnings_of(ledger: Ledger | None) -> Iterator[str]:
    """Yield a sentence for what is unknown, and one for licences that restrict use."""
    if ledger is None:
        yield "Licence and training data are unknown: make sure that you may use this model."
        return
    unknown = sum(number for license, number in ledger.licenses.items() if license in (UNKNOWN, OTHERS))
    total = sum(ledger.licenses.values())
    if unknown:
        yield f"The licences of {unknown:,} of {count(total, 'training song')} are unknown."
    unknown_bases = [base.name for each in ledger.generations() for base in each.bases if base.ledger is None]
    if unknown_bases:
        yield f"The training data of {', '.join(unknown_bases)}, from which training started, are unknown."
    restrictive = ledger.restrictive_licenses
    if restrictive:
        songs = sum(ledger.licenses[license] for license in restrictive)
        yield f"Licences of {count(songs, 'training song')} restrict commercial use: {', '.join(restrictive)}."
    if not total and not unknown_bases:
        yield "Its ledger lists no training data: make sure that you may use this model."


def _bold(sentence: str) -> str:
    return f"**{_escaped(sentence)}**"


def _indent(line: str) -> str:
    return " " * (len(line) - len(line.lstrip()))


def _escaped(text: str) -> str:
    """Escape what Markdown or HTML would interpret: names come from other people's files."""
    return re.sub(r"([\\`*_<>\[\]|])", r"\\\1", text)


def made_of(results: Mapping[str, Any]) -> list[str]:
    """Return the checkpoints that an evaluation read, as far as it records them."""
    methods = (results.get("made") or {}).get("methods") or {}
    paths = [method.get("checkpoint") for method in methods.values() if isinstance(method, dict)]
    return [str(path) for path in paths if path]
