"""Renderers: they read a run folder and write one file each. None computes, and none needs a kernel."""
