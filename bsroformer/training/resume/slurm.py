"""A training as a job of SLURM."""

import os
import subprocess
import warnings

JOB, ARRAY, TASK = "SLURM_JOB_ID", "SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID"
RESTARTS = "SLURM_RESTART_COUNT"


def started_again() -> bool:
    """Whether SLURM took this job back into its queue before, so that it begins anew."""
    return os.environ.get(RESTARTS, "0") != "0"


def requeue() -> None:
    """Put this job back into SLURM's queue, if it is one; it will begin anew with the same command."""
    if JOB not in os.environ:
        return
    array, task = os.environ.get(ARRAY), os.environ.get(TASK)
    job = f"{array}_{task}" if array and task else os.environ[JOB]
    try:
        subprocess.run(["scontrol", "requeue", job], check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        reason = getattr(error, "stderr", None) or error
        warnings.warn(f"SLURM did not take job {job} back: {str(reason).strip()}", stacklevel=1)
