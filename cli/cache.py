"""`axec cache`: compiled kernels that are kept on disk."""

from __future__ import annotations

import click


@click.command("cache", short_help="Show or clear the cache of compiled kernels.")
@click.argument("action", type=click.Choice(["info", "clear"]))
def cache_command(action: str) -> None:
    """Show what the cache of compiled kernels holds, or remove it all.

    The environment variable AXEC_CACHE names its folder, or switches it off ("off").
    """
    from axec.cli.console import size
    from axec.passes.codegen.cache import MAX_BYTES, open_cache

    cache = open_cache()
    found = cache.info() if action == "info" else cache.clear()
    if found.folder is None:
        click.echo("the cache is off (AXEC_CACHE)")
        return
    what = f"{found.files} compiled modules, {size(found.size)} of at most {size(MAX_BYTES)}"
    click.echo(f"{found.folder}: {what}{', removed' if action == 'clear' else ''}")
