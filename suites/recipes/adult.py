"""Adult, people of the census of the United States in 1994 as the package `fairness` has them, and 6,000 of them as a data set."""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from packages import open_packages, read_wheel

SEED = 7
ROWS = 6000
PACKAGE = "fairness"
MEMBER = "fairness/data/raw/adult.csv"
UNKNOWN = "?"  # how the census writes what is missing
NUMBERS = ("age", "education_num", "capital_gain", "capital_loss", "hours_per_week")
CATEGORIES = (
    "workclass", "education", "marital_status", "occupation", "relationship", "race", "sex", "native_country",
)  # fmt: skip
TARGET = Path(__file__).parents[1] / "data" / "adult.parquet"


def read_people(packages: Path | None) -> pa.Table:
    """All rows of the package: an id, the features, and the income; null is what is missing."""
    with open_packages([PACKAGE], packages) as archives:
        content = read_wheel(archives[PACKAGE], MEMBER)
    options = pyarrow.csv.ConvertOptions(null_values=[UNKNOWN], strings_can_be_null=True)
    table = pyarrow.csv.read_csv(io.BytesIO(content), convert_options=options)
    table = table.rename_columns([name.replace("-", "_") for name in table.column_names])  # as skl2onnx writes them
    columns = {"id": pa.array([f"adult-{row:05}" for row in range(len(table))])}
    columns |= {name: table[name].cast(pa.int32()) for name in NUMBERS}
    columns |= {name: table[name] for name in CATEGORIES}
    return pa.table(columns | {"income": table["income_per_year"]})


def split_rows(table: pa.Table) -> tuple[pa.Table, pa.Table]:
    """The rows that a model may learn from, and those of the data set, drawn by the seed."""
    rng = np.random.default_rng(SEED)
    is_test = np.zeros(len(table), bool)
    is_test[rng.choice(len(table), ROWS, replace=False)] = True
    return table.filter(pa.array(~is_test)), table.filter(pa.array(is_test))


def main() -> None:
    """Make the file and print its size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packages", type=Path, help="a folder with the archive, already downloaded")
    parser.add_argument("--out", type=Path, default=TARGET, help="the file to write")
    arguments = parser.parse_args()
    _, test = split_rows(read_people(arguments.packages))
    pq.write_table(test, arguments.out, compression="zstd", use_dictionary=[*CATEGORIES, "income"])
    print(f"{arguments.out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
