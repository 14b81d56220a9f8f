"""One driver per external program; runner.py is the only place that starts a process."""
