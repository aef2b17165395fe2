"""What the addresses of accounts, users and keys take and give."""

from pydantic import TypeAdapter

from backend.api.openapi import examples
from backend.api.openapi.operation import NOTHING, OF_A_KEY, Errors, Gives, Operation
from backend.api.schemas.accounts import (
    OPEN_SESSION,
    ChangedPassword,
    ChangedUser,
    NewOwnKey,
    NewUser,
)
from backend.api.schemas.keys import KeyChanges, NewKey, Rotation
from backend.api.schemas.views import account, keys, own_keys, users
from backend.core import account_errors, errors

_OF_PASSWORDS: Errors = (
    account_errors.TooManyLoginsError,
    errors.QueueUnavailableError,
)
_OF_LOGINS: Errors = (
    account_errors.WrongPasswordError,
    errors.InvalidKeyError,
    errors.ExpiredKeyError,
    errors.DisabledKeyError,
    account_errors.DisabledUserError,
    errors.DatabaseUnavailableError,
    *_OF_PASSWORDS,
)
_OF_A_USER: Errors = (
    account_errors.UserNotFoundError,
    account_errors.LastAdministratorError,
)
_KEY = Gives(keys.KeyView)
_USER = Gives(users.AccountView)

ACCOUNT_OPERATIONS: dict[str, Operation] = {
    "account.me": Operation("Account", {200: (Gives(account.Me),)}),
    "login.open_session": Operation(
        "Account",
        {201: (Gives(account.SessionView),)},
        _OF_LOGINS,
        body=OPEN_SESSION,
        examples=examples.SESSIONS,
    ),
    "account.change_password": Operation(
        "Account",
        {204: (NOTHING,)},
        (account_errors.NoPasswordError, *_OF_PASSWORDS),
        body=TypeAdapter(ChangedPassword),
    ),
    "account.close_session": Operation(
        "Account", {204: (NOTHING,)}, (errors.NotFoundError,)
    ),
    "own_keys.list_keys": Operation("Account", {200: (Gives(own_keys.OwnKeyList),)}),
    "own_keys.create": Operation(
        "Account",
        {201: (Gives(own_keys.NewOwnKeyView),)},
        (account_errors.TooManyKeysError,),
        body=TypeAdapter(NewOwnKey),
        examples=examples.OWN_KEYS,
    ),
    "own_keys.disable": Operation(
        "Account", {204: (NOTHING,)}, (errors.NotFoundError,)
    ),
    "users.list_users": Operation("Users", {200: (Gives(users.AccountList),)}),
    "users.create": Operation(
        "Users",
        {201: (_USER,)},
        (account_errors.UserExistsError, account_errors.TooManyLoginsError),
        body=TypeAdapter(NewUser),
        examples=examples.USERS,
    ),
    "users.get": Operation(
        "Users",
        {200: (Gives(users.StandingAccountView),)},
        (account_errors.UserNotFoundError,),
    ),
    "users.change": Operation(
        "Users",
        {200: (_USER,)},
        (*_OF_A_USER, account_errors.TooManyLoginsError),
        body=TypeAdapter(ChangedUser),
        examples=examples.USER_CHANGES,
    ),
    "users.delete": Operation(
        "Users", {204: (NOTHING,)}, (*_OF_A_USER, account_errors.UserInUseError)
    ),
    "keys.list_keys": Operation("Keys", {200: (Gives(keys.KeyList),)}),
    "keys.create": Operation(
        "Keys",
        {201: (Gives(keys.NewKeyView),)},
        body=TypeAdapter(NewKey),
        examples=examples.KEYS,
    ),
    "keys.get": Operation("Keys", {200: (Gives(keys.StandingKeyView),)}, OF_A_KEY),
    "keys.update": Operation(
        "Keys",
        {200: (_KEY,)},
        OF_A_KEY,
        body=TypeAdapter(KeyChanges),
        examples=examples.KEY_CHANGES,
    ),
    "keys.rotate": Operation(
        "Keys",
        {201: (Gives(keys.NewKeyView),)},
        (*OF_A_KEY, account_errors.KeyInactiveError, account_errors.KeyWasRotatedError),
        body=TypeAdapter(Rotation),
        needs_body=False,
        examples=examples.ROTATIONS,
    ),
    "keys.disable": Operation("Keys", {200: (_KEY,)}, OF_A_KEY),
    "keys.enable": Operation("Keys", {200: (_KEY,)}, OF_A_KEY),
    "keys.delete": Operation(
        "Keys", {204: (NOTHING,)}, (*OF_A_KEY, account_errors.KeyWasUsedError)
    ),
}
