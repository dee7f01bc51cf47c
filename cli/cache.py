"""`axec cache`: compiled kernels and programs that are kept on disk."""

from __future__ import annotations

import click


@click.command("cache", short_help="Show or clear the cache of compiled kernels.")
@click.argument("action", type=click.Choice(["info", "clear"]))
def cache_command(action: str) -> None:
    """Show what the cache of compiled kernels and programs holds, or remove it all, with what
    `axec tune` found.

    The environment variable AXEC_CACHE names its folder, or switches it off ("off").
    """
    from axec.cli.console import size
    from axec.diag import AxecError
    from axec.passes.codegen import tuned
    from axec.passes.codegen.cache import MAX_BYTES, open_cache
    from axec.passes.codegen.cpu import targets

    cache, choices = open_cache(), tuned.find(targets.resolve(targets.NATIVE))
    found = cache.info()
    if found.folder is None:
        click.echo("the cache is off (AXEC_CACHE)")
        return
    if action == "clear" and (left := cache.clear().files):
        message = f"{left} of {found.files} files in {found.folder} could not be removed"
        hint = "remove them as their owner, or name another folder with AXEC_CACHE"
        raise AxecError("cache-unwritable", message, hint=hint)
    bytes_ = f"{size(found.size)} of at most {size(MAX_BYTES)}"
    what = f"{found.files} compiled kernels and programs, {bytes_}"
    here = f"choices of {len(choices)} kernels tuned on this machine by this compiler"
    more = "" if found.writable else "; nothing is added: this process cannot write there"
    click.echo(f"{'removed from ' * (action == 'clear')}{found.folder}: {what}; {here}{more}")
