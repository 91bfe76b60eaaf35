"""Whether there is what the mailboxes are opened with: the OAuth client, the service account, or both."""

from afpd.config import Keys, Settings, read_client
from afpd.errors import SecretError
from afpd.model import Credential


def require(keys: Keys, used: set[str], settings: Settings) -> None:
    """Raise `SecretError` when integrations are opened in a way (`used`) for which the key is missing."""
    if Credential.SERVICE_ACCOUNT in used and keys.account is None:
        raise SecretError(
            "gmail.service_account_file is not set, and there are integrations that a service account reads"
        )
    if Credential.OAUTH in used and keys.client is None:
        read_client(settings)
