"""Who may do what: API keys, people and sessions, the project's own keys."""

from kaquan.trust.client_access import (
    ClientAccessChange,
    get_client_access,
    is_trusted,
    update_client_access,
)
from kaquan.trust.keys import (
    RecentKeys,
    authenticate_key,
    create_api_key,
    project_key,
    replace_api_key,
)
from kaquan.trust.model import (
    Ability,
    Caller,
    ClientAccess,
    IssuedKey,
    KeyKind,
    KeyScope,
    Role,
    SignedIn,
    User,
)
from kaquan.trust.people import (
    SignInRefused,
    TooManyGuesses,
    choose_language,
    create_user,
    reset_password,
    session_user,
    sign_in,
    sign_out,
    token_digest,
)
from kaquan.trust.setup import FirstCredentials, create_first_credentials
from kaquan.trust.store import find_project_key
from kaquan.trust.token_store import StoredToken, get_app_id
from kaquan.trust.tokens import (
    CLIENT_SCOPES,
    SERVER_SCOPES,
    IssuedToken,
    TooManyTokens,
    authenticate_bearer,
    create_access_token,
    find_access_token,
    revoke_access_token,
)

__all__ = [
    "CLIENT_SCOPES",
    "SERVER_SCOPES",
    "Ability",
    "Caller",
    "ClientAccess",
    "ClientAccessChange",
    "FirstCredentials",
    "IssuedKey",
    "IssuedToken",
    "KeyKind",
    "KeyScope",
    "RecentKeys",
    "Role",
    "SignInRefused",
    "SignedIn",
    "StoredToken",
    "TooManyGuesses",
    "TooManyTokens",
    "User",
    "authenticate_bearer",
    "authenticate_key",
    "choose_language",
    "create_access_token",
    "create_api_key",
    "create_first_credentials",
    "create_user",
    "find_access_token",
    "find_project_key",
    "get_app_id",
    "get_client_access",
    "is_trusted",
    "project_key",
    "replace_api_key",
    "reset_password",
    "revoke_access_token",
    "session_user",
    "sign_in",
    "sign_out",
    "token_digest",
    "update_client_access",
]
