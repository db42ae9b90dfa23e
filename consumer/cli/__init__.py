"""What people type. One file for each command, or group of commands.

These files import click and little else: for `consume --help`, all of them are loaded. What a
command works with (settings, the catalog, the engine, boto3) is imported when it runs.
"""
