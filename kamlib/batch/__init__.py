"""Notebooks in batch: what to run (`plan`), running it (`run`), kernels that start warm (`warm`), and the run folder's
record (`manifest`)."""
