"""The migrations, in order. What has been released is never edited: the next change is the next file."""
