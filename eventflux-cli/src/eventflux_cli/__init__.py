"""The eventflux command line."""
