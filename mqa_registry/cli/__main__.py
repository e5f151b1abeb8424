"""The command line of a checkout: `python -m mqa_registry.cli`."""

from mqa_registry.cli import main

if __name__ == "__main__":
    main()
