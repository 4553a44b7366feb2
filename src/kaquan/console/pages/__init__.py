"""The console's pages, one file a page or a page family."""
