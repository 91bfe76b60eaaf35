"""The program: `python -m afpd`, and the script `afpd`."""

import sys

from afpd.cli.root import root


def main() -> None:
    """Run the command line of this process and end it with the exit code of the verb."""
    root.main(sys.argv[1:], prog_name="afpd")


if __name__ == "__main__":
    main()
