"""Jobs of a sweep: their results and how they compare with each other."""
