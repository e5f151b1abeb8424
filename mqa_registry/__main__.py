"""`python -m mqa_registry`: the same as `mqa`."""

from mqa_registry.cli import main

if __name__ == "__main__":
    main()
