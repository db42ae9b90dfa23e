"""Fuzzing of the decoder: `python -m tests.fuzz.fuzz_decoder --seconds 300`."""
