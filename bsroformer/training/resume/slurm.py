"""A training as a job of SLURM: detect and request a restart."""

import os
import subprocess
import warnings

JOB = "SLURM_JOB_ID"
ARRAY = "SLURM_ARRAY_JOB_ID"
TASK = "SLURM_ARRAY_TASK_ID"
RESTARTS = "SLURM_RESTART_COUNT"


def started_again() -> bool:
    """Return whether SLURM has requeued and restarted this job."""
    return os.environ.get(RESTARTS, "0") != "0"


def requeue() -> None:
    """Requeue this job, if it is one; warn if SLURM refuses.

    It restarts with the same command.
    """
    if JOB not in os.environ:
        return
    job = os.environ[JOB]
    array = os.environ.get(ARRAY)
    task = os.environ.get(TASK)
    if array and task:
        job = f"{array}_{task}"
    try:
        subprocess.run(["scontrol", "requeue", job], check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        reason = getattr(error, "stderr", None) or str(error)
        warnings.warn(f"SLURM did not requeue job {job}: {reason.strip()}", stacklevel=1)
