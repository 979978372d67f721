"""What the configuration of each command may hold: keys, types and bounds; see `schemas.root` for how it is checked."""
