"""What the API reads: lists by pages, and things by their ids for many at once."""
