"""The report page of a run, updated after each validation."""

from pathlib import Path

import lightning as L

from bsroformer.report.run_page import write_report
from bsroformer.training.run_outputs import warn_on_write_error


class Report(L.Callback):
    """Write ``report.html`` after each validation.

    It must come after `Curves` and `Previews` in the list of callbacks, since the page shows their files.

    Args:
        folder: The run's folder.
    """

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Write the page."""
        if not trainer.sanity_checking and trainer.is_global_zero:
            self.write()

    def write(self) -> None:
        """Write the page; warn if it cannot be written."""
        with warn_on_write_error():
            write_report(self.folder)
