"""``python -m devicectl``: the same as the command ``devicectl``."""

from devicectl.cli import main

if __name__ == "__main__":
    main()
