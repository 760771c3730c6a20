"""What commands have in common."""

from pathlib import Path

import click

EX_CONFIG = 78
"""The configuration cannot be used (sysexits.h)."""
CONFIG = Path("/etc/counter-agent/config.yaml")

config_option = click.option(
    "--config",
    "-c",
    "config",
    type=click.Path(path_type=Path, dir_okay=False),
    default=CONFIG,
    show_default=True,
    help="The configuration file.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print for a program to read.")


class Examples(click.Group):
    """Commands in the order in which a newcomer needs them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(self.commands)
