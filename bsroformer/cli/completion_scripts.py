"""``bsroformer completion SHELL``: completion scripts for bash, zsh and fish."""

from collections.abc import Sequence

from bsroformer.cli.completion import SHELLS
from bsroformer.cli.suggestions import did_you_mean
from bsroformer.errors import InputError
from bsroformer.invocation import program_line

BASH = """\
_bsroformer() {
    local IFS=$'\\n' word
    COMPREPLY=()
    while read -r word; do
        COMPREPLY+=("$word")
    done < <(bsroformer __complete bash "${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
}
complete -o nospace -F _bsroformer bsroformer
"""
ZSH = """\
#compdef bsroformer
_bsroformer() {
    local line text summary
    local -a words_with_space words_without_space
    while IFS=$'\\t' read -r text summary; do
        if [[ $text == *[=./] ]]; then
            words_without_space+=("$text")
        else
            words_with_space+=("$text")
        fi
    done < <(bsroformer __complete zsh "${LBUFFER}" 2>/dev/null)
    compadd -a words_with_space
    compadd -S '' -a words_without_space
}
compdef _bsroformer bsroformer
"""
FISH = """\
function __bsroformer_complete
    bsroformer __complete fish (commandline --current-process --cut-at-cursor | string collect)
end
complete -c bsroformer -f -a '(__bsroformer_complete)'
"""
SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}
PLACES = {
    "bash": 'eval "$(bsroformer completion bash)"    # in ~/.bashrc',
    "zsh": 'eval "$(bsroformer completion zsh)"    # in ~/.zshrc, after compinit',
    "fish": "bsroformer completion fish > ~/.config/fish/completions/bsroformer.fish",
}


def print_script(words: Sequence[str]) -> None:
    """Print the script of the shell that the command line names, or how to use them.

    Raises:
        InputError: For an unknown shell.
    """
    if not words or words[0] in ("-h", "--help"):
        lines = "\n".join(f"  {place}" for place in PLACES.values())
        print(f"Usage: {program_line()} completion {{{','.join(SHELLS)}}}\n\nTo complete with TAB:\n{lines}")
    elif words[0] in SCRIPTS:
        print(SCRIPTS[words[0]], end="")
    else:
        suggestion = did_you_mean(words[0], SHELLS)
        raise InputError(f"unknown shell {words[0]}; {suggestion or 'it must be one of ' + ', '.join(SHELLS)}")
