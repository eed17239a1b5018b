"""Due work: durable rows that workers claim with a lease, do, and retry."""
