"""Records what Spark gives for query files.

    record.py QUERY INPUT            prints the batches of one query
    record.py --cases [NAME...]      writes expected.jsonl of the cases in tests/cases/queries, all or those named
"""

import json
import sys
from pathlib import Path

from spark_query import open_session, record

CASES = Path(__file__).resolve().parent.parent / "cases"


def text_of(lines):
    return "".join(json.dumps(line) + "\n" for line in lines)


def main(arguments):
    if len(arguments) == 2 and arguments[0] != "--cases":
        print(text_of(record(open_session(), *arguments)), end="")
    elif arguments and arguments[0] == "--cases":
        session = open_session()
        names = arguments[1:] or sorted(folder.name for folder in (CASES / "queries").iterdir())
        for name in names:
            folder = CASES / "queries" / name
            lines = record(session, folder / "query.yaml", CASES / "input")
            (folder / "expected.jsonl").write_text(text_of(lines))
            print(name, len(lines), lines[-1].get("class", "") if lines else "no batch", flush=True)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
