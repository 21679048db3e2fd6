"""The command line: only words. What it does is `unroll.run`; nothing heavy is imported for help."""

from unroll.cli.main import main as main
