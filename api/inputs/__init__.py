"""What mutations are given: read field by field, so that every mistake is answered with its place."""
