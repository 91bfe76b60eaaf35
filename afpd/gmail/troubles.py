"""Words for what goes wrong between us and a server before there is an answer."""

import os
import ssl

import aiohttp

# The first kind that fits speaks; the special ones stand before the general ones that they derive from.
_SENTENCES: tuple[tuple[type[BaseException], str], ...] = (
    (aiohttp.ClientConnectorDNSError, "The name {host} cannot be resolved; is the network or its name server down?"),
    (aiohttp.ClientConnectorCertificateError, "The certificate of {host} is not trusted: {cause}"),
    (ssl.SSLError, "No secure connection to {host}: the TLS handshake failed"),
    (aiohttp.ClientProxyConnectionError, "The proxy between us and {host} does not answer: {cause}"),
    (aiohttp.ClientHttpProxyError, "The proxy between us and {host} does not let us through"),
    (aiohttp.ConnectionTimeoutError, "No connection to {host} in time"),
    (TimeoutError, "No answer from {host} in time"),
    (aiohttp.ServerDisconnectedError, "{host} closed the connection without an answer"),
    (aiohttp.ClientPayloadError, "The answer of {host} was cut off or cannot be unpacked"),
    (aiohttp.http_exceptions.ContentEncodingError, "The answer of {host} was cut off or cannot be unpacked"),
    (aiohttp.ClientConnectorError, "No connection to {host}: {cause}"),
    (aiohttp.ClientResponseError, "What {host} answered is not HTTP"),
    (OSError, "The connection to {host} broke: {cause}"),
    (BaseException, "The request to {host} failed: {cause}"),
)


def trouble(error: BaseException, host: str) -> str:
    """Return one sentence that tells network, name, certificate and time troubles apart.

    `host` is the name that was asked. No address of a request and no header enters the sentence.
    """
    sentence = next(words for kind, words in _SENTENCES if isinstance(error, kind))
    return sentence.format(host=host, cause=_cause(error))


def _cause(error: BaseException) -> str:
    # Texts of other libraries may hold anything: only OpenSSL's and the system's own words are repeated.
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        verdict = error.certificate_error
        return verdict.verify_message if isinstance(verdict, ssl.SSLCertVerificationError) else "it does not verify"
    if isinstance(error, aiohttp.ClientConnectorError):
        error = error.os_error
    return os.strerror(error.errno) if isinstance(error, OSError) and error.errno else type(error).__name__
