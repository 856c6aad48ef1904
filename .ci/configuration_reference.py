"""Write the table of keys in docs/reference/configuration.md from their declarations; --check: compare only."""

import sys
from pathlib import Path

from eventflux.configuration.keys import KEYS, Key, KeyType

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "configuration.md"
BEGIN, END = "<!-- keys: made from their declarations -->\n", "<!-- end of keys -->\n"


def default(key: Key) -> str:
    if key.default is None:
        return ""
    if isinstance(key.default, bool):
        return f"`{str(key.default).lower()}`"
    if key.type is KeyType.DURATION and isinstance(key.default, int):
        return f"`{key.default // 1000}s`"
    return f"`{key.default}`"


def row(key: Key) -> str:
    meaning = key.meaning
    if key.choices:
        meaning += f" One of {', '.join(f'`{choice}`' for choice in key.choices)}."
    if not key.has_effect:
        meaning += " Without effect in this version."
    return f"| `{key.path}` | {key.type} | {default(key)} | {meaning} |\n"


def page(text: str) -> str:
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    table = "| key | type | default | meaning |\n|---|---|---|---|\n" + "".join(row(key) for key in KEYS)
    return f"{before}{BEGIN}\n{table}\n{END}{after}"


def main(arguments: list[str]) -> int:
    text = PAGE.read_text()
    if "--check" in arguments:
        if text != page(text):
            sys.stderr.write(f"{PAGE} is not what the declarations say: run python .ci/configuration_reference.py\n")
            return 1
        return 0
    PAGE.write_text(page(text))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
