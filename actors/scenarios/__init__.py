"""What could happen next: triggers and the timers they set."""
