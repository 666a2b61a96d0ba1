"""When workers are told of rows: what is sent to them, and when that is committed."""
