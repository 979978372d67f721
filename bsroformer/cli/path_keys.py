"""The keys whose values are paths of files or folders, with ``~`` for the user's folder."""

PATHS = (
    "input",
    "output",
    "ckpt",
    "config",
    "estimates",
    "ckpt_path",
    "resume",
    "init_from",
    "init_config",
    "data.root",
    "data.pack",
    "data.extra",
    "paths.output_dir",
)
PATH_KEYS = (*PATHS, "paths.runs_dir", "paths.cache_dir")
