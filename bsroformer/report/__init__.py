"""Pages of runs and evaluations, each one file with scores, plots and sounds."""
