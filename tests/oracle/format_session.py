"""The Spark of the scripts that record file formats: one thread, as a file is read by one, and UTC everywhere."""
from pyspark.sql import SparkSession


def open_session():
    session = (
        SparkSession.builder.master("local[1]")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.extraJavaOptions", "-Duser.timezone=UTC")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("OFF")
    return session
