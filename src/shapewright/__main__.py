"""`python -m shapewright` is the command `shapewright`."""

from shapewright.apps.cli.main import run

if __name__ == "__main__":
    run()
