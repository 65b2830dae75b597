"""Work over rows of Parquet files in many processes, by Ray Data; the one room that knows Ray."""
