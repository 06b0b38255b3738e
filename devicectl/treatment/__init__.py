"""What a treatment is: zones of the scalp, and passes cut from the pen's own telemetry."""
