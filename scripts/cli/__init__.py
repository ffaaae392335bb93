"""The `righttime` command. `main` is its entry point; every command has a module of its own."""


def main() -> None:
    """Run the command line and exit the process with its code."""
    from scripts.cli.app import app

    app(prog_name="righttime")
