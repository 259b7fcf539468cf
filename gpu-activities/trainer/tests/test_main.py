"""The command line."""

from .driver import command_line


def test_versions():
    done = command_line("versions")
    assert done.returncode == 0 and '"torch"' in done.stdout


def test_help_lists_the_commands():
    done = command_line("help")
    assert done.returncode == 0
    for command in ("serve", "prepare-model OUT", "tiny-model OUT", "versions"):
        assert f"python -m flamingo_trainer {command}" in done.stdout
    assert command_line("nonsense").returncode == 2
