"""Workers: threads and processes that do the tasks of a run, on this machine or on those of an executor."""
