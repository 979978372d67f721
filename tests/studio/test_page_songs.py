"""A song and a model through the whole page: playback, pictures and downloads."""

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import torch
from torch import Tensor

from bsroformer.audio.files import read
from bsroformer.checkpoints import load_model
from bsroformer.checkpoints.save import save_model
from bsroformer.inference import Delivery, Separator
from bsroformer.models import ModelSettings
from bsroformer.models.bs_roformer import BandSplitRoformer
from bsroformer.studio import model_cache
from bsroformer.studio.catalog import options_from_paths
from bsroformer.studio.limits import Limits
from bsroformer.studio.model_cache import ModelCache
from bsroformer.studio.studio import Studio
from bsroformer.studio.workspace import Workspace
from support.studio.visitors import PATIENCE, Visitor, opened, visiting

STEMS = ("vocals", "drums")
TITLE = "The Easton Ellises - Falcon 69"
SETTINGS = {
    "stems": list(STEMS),
    "sample_rate": 44_100,
    "channels": 2,
    "chunk_seconds": 1.0,
    "stft": {"n_fft": 512, "hop_length": 128},
    "bands": {"layout": "fixed", "widths": [[16, 16], [1, 1]]},
    "trunk": {"dim": 8, "depth": 1, "heads": 1, "dim_head": 8},
    "masks": {"expansion": 1},
}
STEP = 2.0**-15
"""One step of 16 bits."""


def separator(model: BandSplitRoformer, stems: Any, overlap: float, shifts: int) -> Separator:
    return Separator(model, stems, overlap, shifts=shifts, device="cpu", precision="fp32")


@dataclass
class Finished:
    """A page with a finished song, and the result of a separation without the page.

    Attributes:
        visitor: The visitor who opened the page.
        address: Base address of the song's files.
        mixture: ``(c t)``
        stems: With the rest, ``(n c t)``.
        loaded: The checkpoints that the studio has loaded.
    """

    visitor: Visitor
    address: str
    mixture: Tensor
    stems: Tensor
    loaded: list[str] = field(default_factory=list)

    def answer(self, path: str = "") -> httpx.Response:
        """Return the response to a program's request for the song."""
        return httpx.get(f"{self.address}{path}", timeout=PATIENCE)

    def download(self, name: str) -> Path:
        """Click a link and return the downloaded file."""
        with self.visitor.page.expect_download() as coming:
            self.visitor.page.get_by_role("link", name=name).click()
        saved = Path(coming.value.path())
        return saved.rename(saved.with_name(coming.value.suggested_filename))


@pytest.fixture(scope="module")
def song() -> Path:
    stempeg = pytest.importorskip("stempeg", reason="needs a song of MUSDB18: pip install stempeg")
    return Path(stempeg.example_stem_path())


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Checkpoint with initial weights."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("checkpoint") / "untrained.safetensors"
    save_model(BandSplitRoformer(ModelSettings.from_dict(SETTINGS)), path)
    return path


@pytest.fixture(scope="module")
def finished(
    browser: Any, song: Path, checkpoint: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Finished]:
    loaded: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model_cache, "load_model", lambda *of: loaded.append(of[0]) or load_model(*of))
        workspace = Workspace(tmp_path_factory.mktemp("songs") / "studio", 3600)
        studio = Studio(options_from_paths([str(checkpoint)]), ModelCache(separator), workspace, Limits(), Delivery())
        with opened(studio) as page, visiting(browser, page.local_url) as visitor:
            visitor.page.get_by_label("The rest too").check()
            token = visitor.separate(song)
            mixture = read(song)[0]
            stems = separator(load_model(checkpoint), STEMS, 0.5, 1)(mixture)
            stems = torch.cat([stems, (mixture - stems.sum(dim=0))[None]])
            yield Finished(visitor, f"{page.local_url}songs/{token}", mixture, stems, loaded)
        studio.close()


def decoded(content: bytes, folder: Path, name: str) -> Tensor:
    (folder / name).write_bytes(content)
    return read(folder / name)[0]


def test_the_page_shows_the_requested_stems(finished: Finished) -> None:
    page = finished.visitor.page
    assert page.locator("stem-player h2").inner_text() == TITLE
    names = page.locator("stem-player .name").all_inner_texts()
    assert [name.lower() for name in names] == ["mixture", *STEMS, "residual"]
    facts = finished.answer().json()
    assert (facts["state"], facts["sample_rate"]) == ("done", 44_100)
    assert facts["seconds"] == facts["total"] == finished.mixture.shape[-1] / 44_100


def test_stems_differ_from_each_other_and_from_silence(finished: Finished) -> None:
    for number, stem in enumerate(finished.stems):
        assert stem.abs().max() > 0.01
        for other in finished.stems[:number]:
            assert (stem - other).abs().max() > 0.01


def test_segments_are_the_mixture_and_its_stems(finished: Finished, tmp_path: Path) -> None:
    facts = finished.answer().json()
    assert facts["segments"] == 2
    for number, track in enumerate([finished.mixture, *finished.stems]):
        answers = [finished.answer(f"/listen/{segment}.{number}.flac") for segment in range(facts["segments"])]
        parts = [decoded(answer.content, tmp_path, "segment.flac") for answer in answers]
        heard = facts["headroom"] * torch.cat(parts, dim=-1)
        torch.testing.assert_close(heard, track, atol=facts["headroom"] * STEP, rtol=0)


@pytest.mark.parametrize(("format", "inexact"), [("wav", 1e-5), ("flac", 2.0**-22)])
def test_stems_of_the_page_are_those_of_the_separator(
    finished: Finished, tmp_path: Path, format: str, inexact: float
) -> None:
    stems = []
    for number, stem in enumerate(finished.stems, start=1):
        content = finished.answer(f"/stems/{number}.{format}").content
        stems.append(decoded(content, tmp_path, f"{number}.{format}"))
        torch.testing.assert_close(stems[-1], stem, atol=1e-5, rtol=0)
    torch.testing.assert_close(torch.stack(stems).sum(dim=0), finished.mixture, atol=3 * inexact, rtol=0)


def test_the_links_save_stems_in_every_format(finished: Finished) -> None:
    for number, name in enumerate((*STEMS, "residual")):
        finished.visitor.page.get_by_label("WAV", exact=True).check()
        saved = finished.download(f"Download {name}")
        assert saved.name == f"{TITLE} - {name}.wav"
        torch.testing.assert_close(read(saved)[0], finished.stems[number], atol=1e-5, rtol=0)
    finished.visitor.page.get_by_label("MP3").check()
    saved = finished.download("Download vocals")
    assert saved.name == f"{TITLE} - vocals.mp3"
    stem, expected = read(saved)[0], finished.stems[0]
    assert stem.shape == expected.shape
    assert torch.cosine_similarity(stem.flatten(), expected.flatten(), dim=0) > 0.99


def test_the_mix_is_the_sum_of_the_stems_as_balanced(finished: Finished) -> None:
    page = finished.visitor.page
    page.get_by_label("FLAC").check()
    page.get_by_label("Level of drums").fill("-6")
    page.get_by_label("Mute residual").click()
    saved = finished.download("Mix as balanced")
    page.get_by_label("Level of drums").fill("0")
    page.get_by_label("Mute residual").click()
    assert saved.name == f"{TITLE} - mix.flac"
    mix = finished.stems[0] + 10 ** (-6 / 20) * finished.stems[1]
    mix = mix / max(1.0, float(mix.abs().max()))
    torch.testing.assert_close(read(saved)[0], mix, atol=1e-4, rtol=0)


def test_the_zip_has_all_stems(finished: Finished, tmp_path: Path) -> None:
    finished.visitor.page.get_by_label("FLAC").check()
    with zipfile.ZipFile(io.BytesIO(finished.download("All stems (zip)").read_bytes())) as archive:
        assert archive.namelist() == [f"{TITLE}/{name}.flac" for name in (*STEMS, "residual")]
        for name, stem in zip(archive.namelist(), finished.stems, strict=True):
            torch.testing.assert_close(decoded(archive.read(name), tmp_path, "stem.flac"), stem, atol=1e-5, rtol=0)


def test_solo_changes_the_audible_tracks(finished: Finished) -> None:
    assert finished.visitor.levels() == [0, 1, 1, 1]
    solo = finished.visitor.page.get_by_label("Solo vocals")
    solo.click()
    assert finished.visitor.levels() == [0, 1, 0, 0]
    solo.click()
    assert finished.visitor.levels() == [0, 1, 1, 1]


def test_a_second_song_finds_the_model_loaded(finished: Finished, song: Path, browser: Any) -> None:
    address = finished.address.split("songs/")[0]
    with visiting(browser, address) as visitor:
        visitor.separate(song)
    assert finished.loaded == [str(finished.loaded[0])]
