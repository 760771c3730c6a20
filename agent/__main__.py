"""The command line: `counter-agent`, and `python -m agent`. The commands stand in `agent.command`.

Exit codes: 0 done, 1 failed, 78 the configuration cannot be used (EX_CONFIG of sysexits.h).
"""

import logging
import sys

import click

from agent import __version__
from agent.command import counter
from agent.command.options import EX_CONFIG, Examples
from agent.command.province import province
from agent.errors import CounterAgentError
from agent.settings.problem import SettingsError


def main() -> None:
    """The entry point of `counter-agent` and of `python -m agent`."""
    try:
        cli(standalone_mode=False)
    except SettingsError as error:
        click.echo(error.render(), err=True)
        sys.exit(EX_CONFIG)
    except CounterAgentError as error:
        click.echo(f"counter-agent: {error}", err=True)
        sys.exit(1)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)


@click.group(cls=Examples, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="counter-agent")
@click.option("--verbose", "-v", is_flag=True, help="Log more.")
def cli(*, verbose: bool) -> None:
    """The edge daemon of a one-stop counter: ratings, camera and screen, synced to the province over MQTT."""
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.INFO,
        format="%(levelname)-7s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    logging.getLogger("asyncio").setLevel(logging.WARNING)


for command in (
    counter.demo,
    counter.check,
    counter.schema,
    counter.run,
    counter.plan,
    counter.sticker,
    counter.verify,
    counter.export,
    counter.coverage,
    counter.kiosk,
    counter.learn,
    counter.media,
    province,
):
    cli.add_command(command)


if __name__ == "__main__":
    main()
