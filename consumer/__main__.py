"""`python -m consumer` is `consume`."""

from consumer.cli.main import main

if __name__ == "__main__":
    main()
