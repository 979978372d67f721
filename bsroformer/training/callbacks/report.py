"""The report of a run, kept up to date in its folder."""

from pathlib import Path

import lightning as L

from bsroformer.report import write_report
from bsroformer.training.run_outputs import only_told


class Report(L.Callback):
    """Writes ``report.html`` after each validation; its place is after `Curves` and `Previews`, whose files it shows.

    Args:
        folder: The run's folder.
    """

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Write what there is."""
        if not trainer.sanity_checking and trainer.is_global_zero:
            self.write()

    def write(self) -> None:
        """Write what there is, or warn."""
        with only_told():
            write_report(self.folder)
