"""`python -m unroll`: the command line."""

from unroll.cli import main

main()
