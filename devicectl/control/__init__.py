"""Control of one pen: limits with reasons, gates, one command at a time, leases, the stop lane, settlement."""
