"""``python -m bsroformer``, which is the same as ``bsroformer``."""

from bsroformer.cli.main import main

if __name__ == "__main__":
    main()
