"""`python -m scripts.cli` is the `righttime` command, wherever its entry point is not on PATH."""

from scripts.cli import main

if __name__ == "__main__":
    main()
