"""The corpus on a local Spark; runs where the extra ``spark`` and Java 17 are installed."""

from pathlib import Path

import pytest

from kaquan.runtime import Tx
from kaquan.segments import Engine
from segments.corpus import Author
from segments.test_engines import agree
from segments.world import make_world

SPARK = pytest.importorskip("pyspark.sql", reason="make test-spark installs the extra 'spark'")
TREES = 300


@pytest.mark.slow
@pytest.mark.timeout(3600)
async def test_a_corpus_means_the_same_on_spark(tx: Tx, tmp_path: Path) -> None:
    # Tables of a few rows: compiling each query to Java would take most of the time.
    builder = SPARK.SparkSession.builder.master("local[2]")
    for name, value in {
        "spark.driver.host": "localhost",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "1",
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
        "spark.ui.enabled": "false",
    }.items():
        builder = builder.config(name, value)
    builder.getOrCreate().sparkContext.setLogLevel("ERROR")
    world = await make_world(tx)
    author = Author(20260301, (world.live, world.static), tuple(world.customers))
    definitions = [author.definition() for _ in range(TREES)]
    assert await agree(tx, tmp_path, definitions, [Engine.SPARK]) > TREES / 3
