"""Make adult-earners: trees that say who earns more than 50,000 dollars, as a file of skops and as ONNX."""

# ruff: noqa: TID253
# A script that makes a model always pays for scikit-learn.

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import ZIP_DEFLATED

import skops.io
from adult import CATEGORIES, NUMBERS, UNKNOWN, read_people, split_rows
from scipy.stats import beta
from skl2onnx import to_onnx
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

SEED = 7
TREES = 120
RATE = 0.2
TARGET = Path(__file__).parents[1] / "models" / "adult-earners"


def make_frame(table: pa.Table) -> pd.DataFrame:
    """The features of rows; a missing category is one of its own."""
    frame = table.select([*NUMBERS, *CATEGORIES]).to_pandas()
    return frame.astype(dict.fromkeys(NUMBERS, float)).fillna(dict.fromkeys(CATEGORIES, UNKNOWN))


def build_model() -> Pipeline:
    """The untrained pipeline: a missing number is the median, and a category that it never saw is none of those that it knows."""
    columns = ColumnTransformer(
        [
            ("numbers", SimpleImputer(strategy="median"), list(NUMBERS)),
            ("categories", OneHotEncoder(handle_unknown="ignore", sparse_output=False), list(CATEGORIES)),
        ]
    )
    trees = GradientBoostingClassifier(
        n_estimators=TREES, learning_rate=RATE, max_depth=3, subsample=0.5, max_features=0.3, random_state=SEED
    )
    return Pipeline([("columns", columns), ("trees", trees)])


def make(train: pa.Table, test: pa.Table, folder: Path) -> None:
    """Train the model, save both files, and measure what was saved on the rows of the data set."""
    model = build_model().fit(make_frame(train), train["income"].to_pandas())
    folder.mkdir(parents=True, exist_ok=True)
    skops.io.dump(model, folder / "model.skops", compression=ZIP_DEFLATED, compresslevel=9)
    example = make_frame(test[:1]).astype(dict.fromkeys(NUMBERS, "float32"))
    converted = to_onnx(model, example, options={"zipmap": False})
    (folder / "model.onnx").write_bytes(converted.SerializeToString())
    saved = skops.io.load(folder / "model.skops", trusted=skops.io.get_untrusted_types(file=folder / "model.skops"))
    right = int((saved.predict(make_frame(test)) == test["income"].to_pandas()).sum())
    low, high = beta.ppf(0.025, right, len(test) - right + 1), beta.ppf(0.975, right + 1, len(test) - right)
    print(f"{right} of {len(test)} right, 95 % interval {low:.4f} to {high:.4f}")


def main() -> None:
    """Make the model and print its accuracy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packages", type=Path, help="a folder with the archive, already downloaded")
    parser.add_argument("--out", type=Path, default=TARGET, help="the folder to write")
    arguments = parser.parse_args()
    make(*split_rows(read_people(arguments.packages)), arguments.out)


if __name__ == "__main__":
    main()
