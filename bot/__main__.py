"""`python -m bot`: the command line where no script of it is installed, as in the Action."""

from bot.cli import main

main()
