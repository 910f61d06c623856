"""`python -m tgauth`."""

from tgauth.cli import main

if __name__ == "__main__":
    main()
