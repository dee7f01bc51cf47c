"""`axec verify`, `axec keygen`, `axec sign`: is this file what its maker wrote?"""

from __future__ import annotations

import click


@click.command("verify", short_help="Check hashes and signatures of an artifact.")
@click.argument("path", metavar="FILE.axe")
@click.option(
    "--key",
    "keys",
    multiple=True,
    metavar="NAME.pub",
    help="A public key; one of those given must have signed (default: folder AXEC_TRUST).",
)
def verify_command(path: str, keys: tuple[str, ...]) -> None:
    """Check every hash of an artifact, its structure, and its signatures."""
    from axec.runtime import verify
    from axec.runtime.format import Container
    from axec.runtime.sign import key_id, trusted_keys

    trusted = trusted_keys(keys or None)
    count = len(verify(path, trusted=trusted)["segments"])
    container = Container(path, verify="code", trusted=trusted)
    click.echo(f"{path}: whole; header, manifest and {count} segments match their hashes")
    for public in container.signed_by:
        click.echo(f"signed by trusted key {key_id(public).hex()[:16]}")
    if not container.signatures:
        click.echo("not signed")
    elif not trusted:
        for signature in container.signatures:
            click.echo(f"signed by key {signature[:32].hex()[:16]}, which was not checked")
        click.echo("hint: --key NAME.pub checks a signature", err=True)


@click.command("keygen", short_help="Make a key pair for signing.")
@click.argument("name", metavar="NAME")
def keygen_command(name: str) -> None:
    """Make an Ed25519 key pair: NAME.key (keep it secret) and NAME.pub."""
    from axec.signing import keygen

    private, public = keygen(name)
    click.echo(f"{private}: signs with `axec sign FILE.axe --key {private}`; keep it secret")
    click.echo(f"{public}: checks with `axec verify FILE.axe --key {public}`")


@click.command("sign", short_help="Sign an artifact.")
@click.argument("path", metavar="FILE.axe")
@click.option("--key", required=True, metavar="NAME.key", help="The private key.")
def sign_command(path: str, key: str) -> None:
    """Add a signature to an artifact, in place and atomically."""
    from axec.container import add_signature
    from axec.runtime.sign import key_id, read_key
    from axec.signing import public_key

    private = read_key(key, "private")
    add_signature(path, private)
    click.echo(f"{path}: signed by key {key_id(public_key(private)).hex()[:16]}")
