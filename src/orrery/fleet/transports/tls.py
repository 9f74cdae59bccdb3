"""What an end that listens shows of itself."""

from __future__ import annotations

import ssl
from pathlib import Path

from orrery.errors import TransportUrlError


def certificate(cert: Path, key: Path | None = None) -> ssl.SSLContext:
    """The certificate of an end that listens at `wss:`. Raises TransportUrlError.

    Args:
        cert: a PEM file, the end's own certificate first.
        key: its key, if that is in another file.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(cert, key)
    except OSError as error:  # a wrong PEM is one, too
        names = f"{cert} and {key}" if key is not None else f"{cert}"
        raise TransportUrlError(f"the certificate in {names} cannot be used: {error.strerror or error}") from error
    return context
