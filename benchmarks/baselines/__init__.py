"""What EventFlux is compared with: Siddhi, bare C loops, batch engines, hand-written file loops."""
