"""One pass with `datasets` over built rows: python benchmarks/one_pass.py FILE ...

Reads all rows of Parquet files, or of JSON lines, and every slice of each.
"""

import argparse

import datasets


def main() -> None:
    """Passes over the rows."""
    parser = argparse.ArgumentParser(description="One pass with datasets over built rows.")
    parser.add_argument("files", nargs="+")
    parser.add_argument("--columns", nargs="+", help="of Parquet files, if not all")
    given = parser.parse_args()
    kind = "parquet" if given.files[0].endswith(".parquet") else "json"
    options = {"columns": given.columns} if given.columns else {}
    rows = datasets.load_dataset(kind, data_files=given.files, split="train", **options)
    for row in rows:
        if not row["output"][0]["role"]:
            raise ValueError("a slice without a role")


if __name__ == "__main__":
    main()
