"""The command line: starting, setting up and looking after Kaquan."""

from kaquan.cli.app import main

__all__ = ["main"]
