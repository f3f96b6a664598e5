"""The operator's verbs: what is asked of a running API over HTTP, with an API key."""
