"""Who may do what: API keys, people and sessions, the project's own keys."""

from kaquan.trust.keys import (
    RecentKeys,
    authenticate_key,
    create_api_key,
    project_key,
    replace_api_key,
)
from kaquan.trust.model import Ability, Caller, IssuedKey, KeyKind, Role, SignedIn, User
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

__all__ = [
    "Ability",
    "Caller",
    "FirstCredentials",
    "IssuedKey",
    "KeyKind",
    "RecentKeys",
    "Role",
    "SignInRefused",
    "SignedIn",
    "TooManyGuesses",
    "User",
    "authenticate_key",
    "choose_language",
    "create_api_key",
    "create_first_credentials",
    "create_user",
    "find_project_key",
    "project_key",
    "replace_api_key",
    "reset_password",
    "session_user",
    "sign_in",
    "sign_out",
    "token_digest",
]
