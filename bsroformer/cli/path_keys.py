"""The keys that hold paths of files or folders; ``~`` is the home folder."""

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
