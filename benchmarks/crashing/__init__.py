"""Parts of the crash harness: the server that is killed, who calls it, and what is checked."""
