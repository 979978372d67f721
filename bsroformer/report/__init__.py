"""A run or an evaluation as one page to look at, listen to and pass on."""
