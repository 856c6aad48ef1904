"""Tests of apps: cases in one file beside the app, run in virtual time without its sources, sinks and stores."""
