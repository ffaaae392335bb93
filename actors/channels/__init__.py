"""Ways out: webhook, file, and the stream that reads the outbox."""
