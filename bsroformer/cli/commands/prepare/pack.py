"""Pack the songs of a data set."""

from rich.console import Console
from rich.filesize import decimal

from bsroformer.cli.commands.prepare.config import PrepareConfig
from bsroformer.cli.console import music_progress, stopping_on_sigterm
from bsroformer.cli.exit_status import EXIT_USER_ERROR
from bsroformer.cli.instantiation import pack_folder
from bsroformer.data.licences import TermsReader
from bsroformer.data.packs import PackPlan, pack_tracks, plan_packs, refuse_full_disk
from bsroformer.errors import InputError
from bsroformer.parallel import processors
from bsroformer.text import clock, count, listed

REPAIRS = {
    "rate": "resampled",
    "channels": "mixed down or doubled to audio.channels",
    "length": "short stems filled up with silence",
    "missing": "missing stems replaced by silence",
}


def pack(cfg: PrepareConfig, console: Console) -> int:
    """Pack the songs to train and validate on that are not packed yet.

    Returns:
        The exit status: not 0 if a song could not be packed.

    Raises:
        InputError: If the data set has no songs, a setting is unknown, or the disk is too small.
    """
    source = cfg.data.source.build()
    source.make()
    terms = TermsReader(source, cfg.data.name, cfg.data.license)
    songs = terms.with_terms([song for song in source.files() if song.split != "test"])
    for fault in terms.faults:
        console.print(f"unknown licence: {fault}", style="yellow")
    folder = pack_folder(cfg.data, cfg.paths, source)
    if folder is None:
        raise InputError("data.pack=false writes no packs; give a folder, or remove data.pack=false")
    with console.status(f"inspecting {count(len(songs), 'song')}"):
        plan = plan_packs(songs, source.form, folder, cfg.mend, cfg.precision)
    _print_plan(plan, console)
    refuse_full_disk(plan)
    faults = [*plan.faults, *_pack(plan, cfg.workers or processors(), console)]
    for fault in faults:
        console.print(f"not packed: {fault}", style="red")
    console.print(f"Packed {len(songs) - len(faults)} of {count(len(songs), 'song')} in {folder}")
    return EXIT_USER_ERROR if faults else 0


def _print_plan(plan: PackPlan, console: Console) -> None:
    """Print the plan before anything is written."""
    if plan.done:
        console.print(f"Skipping {count(plan.done, 'song')} packed already")
    if plan.jobs:
        in_int16 = sum(job.int16 for job in plan.jobs)
        numbers = {"int16": in_int16, "float32": len(plan.jobs) - in_int16}
        kinds = " and ".join(f"{number} as {kind}" for kind, number in numbers.items() if number)
        seconds = sum(job.seconds for job in plan.jobs)
        console.print(f"{kinds} to pack, {clock(seconds)} of music: {decimal(plan.bytes)} in {plan.pack}")
    for kind, names in plan.repairs.items():
        console.print(f"{REPAIRS[kind]} in {listed(names)}", style="yellow")


def _pack(plan: PackPlan, workers: int, console: Console) -> list[str]:
    """Pack songs with a progress bar; return a sentence for each fault."""
    faults = []
    with music_progress(console) as progress, stopping_on_sigterm():
        task = progress.add_task("packing", total=sum(job.seconds for job in plan.jobs))
        for outcome in pack_tracks(plan, workers):
            progress.advance(task, outcome.seconds)
            for remark in outcome.remarks:
                console.print(remark, style="yellow")
            if outcome.error:
                faults.append(outcome.error)
    return faults
