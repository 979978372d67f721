"""The help of the program as a whole."""

from rich.table import Table
from rich.text import Text

from bsroformer.cli.console import terminal
from bsroformer.cli.registry import INSTALLED, OTHER_COMMANDS
from bsroformer.invocation import program_line

EXAMPLES = (
    "train experiment=demo",
    "train model=lite trainer=rtx3050 data=musdb7 --data.root songs",
    "separate song.mp3 other.flac --ckpt best.ckpt --two-stems vocals -o out",
    "evaluate --ckpt best.ckpt data=musdb18hq --data.root musdb18hq",
)


def print_overview() -> None:
    """Print the commands, with examples and further help."""
    program = program_line()
    console = terminal()
    commands = Table.grid(padding=(0, 2))
    for name, command in INSTALLED.items():
        commands.add_row(Text(f"  {name}", "cyan"), command.summary)
    for name, summary in OTHER_COMMANDS.items():
        commands.add_row(Text(f"  {name}", "cyan"), summary)
    console.print(Text(f"Usage: {program} COMMAND [--key value | key=value]...", "bold"))
    console.print("\nSeparate music into its stems, and train the model that does it.\n")
    console.print(commands, soft_wrap=False)
    console.print()
    for example in EXAMPLES:
        console.print(f"  {program} {example}")
    console.print(
        f"\n{program} COMMAND --help explains a command and its keys; {program} --version prints the versions.\n"
        f'To complete commands and keys with TAB in bash: eval "$({program} completion bash)"'
    )
