"""Notebooks in batch: what there is to run (`plan`), running it (`run`, `execute`, `progress`) from kernels that start
warm (`warm`, `zygote`), the record of a run (`manifest`), and the outputs of the committed notebooks (`refresh`)."""

import sys

# jsonschema (behind nbformat and papermill) takes 1.4 s to build this grammar, and does without when it is absent.
sys.modules.setdefault("rfc3987_syntax", None)
