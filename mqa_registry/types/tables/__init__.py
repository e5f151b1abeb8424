"""Reading tables from files: csv, jsonl, parquet and arrow."""
