"""``python -m kaquan`` is the command line."""

from kaquan.cli import main

main()
