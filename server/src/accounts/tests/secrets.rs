//! What is kept over a restart, and what is never kept: secrets in the clear.

use std::{fs, path::Path};

use bytes::Bytes;
use shared::{
    api::{Login, NewToken, PasswordChange, Refresh},
    id::{CommandId, Pos, hex},
    model::Role,
    text::SafeText,
};

use super::fixture::{OTHER_PASSWORD, PASSWORD, register, settings, setup};
use crate::{
    accounts::{
        AccountError, Accounts,
        rows::{
            CodeRow, CustomerRow, LoginRow, PasswordRow, Row, SessionRow, TokenRow, digest_key,
        },
        secret::Token,
    },
    hub::{Hub, PART},
    store::{FILE_NAME, Store, StoreUrl},
};

async fn start(dir: &Path) -> (Hub, Accounts) {
    let store = Store::open(&StoreUrl::in_directory(dir)).unwrap();
    let hub = Hub::start(store).await.unwrap();
    let accounts = Accounts::start(hub.clone(), settings(dir)).await.unwrap();
    (hub, accounts)
}

fn login(username: &str, password: &str) -> Login {
    Login {
        username: username.to_owned(),
        password: password.into(),
        totp: None,
    }
}

fn holds(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

async fn rows_of<T: Row>(hub: &Hub) -> Vec<Bytes> {
    let scan = hub
        .store()
        .kv_scan(T::NS, Bytes::new(), None, 1_000, hub.now());
    let rows = scan.await.unwrap();
    assert!(!rows.is_empty(), "{} has rows to look at", T::NS);
    rows.into_iter()
        .flat_map(|entry| [entry.key, entry.value])
        .collect()
}

/// S4, S10: what is stored is hashes and digests, of one algorithm, and opens nothing.
#[tokio::test]
async fn accounts_outlive_a_restart_and_secrets_are_nowhere() {
    let dir = tempfile::tempdir().unwrap();
    let (hub, accounts) = start(dir.path()).await;
    let code = fs::read_to_string(dir.path().join("setup-code")).unwrap();
    let code = code.trim().to_owned();
    let first = accounts.setup(setup(&code), true).await.unwrap();
    let refresh_token = first.refresh_token.clone();
    let owned = accounts.refresh(Refresh { refresh_token }).await.unwrap();
    let owner = accounts.authenticate(&owned.access_token).await.unwrap();
    let invite = shared::api::Invite {
        role: Role::Agent,
        departments: Vec::new(),
        username: None,
    };
    let invited = accounts.invite(&owner, CommandId::random(), invite).await;
    let invited = invited.unwrap();
    let change = PasswordChange {
        old: PASSWORD.into(),
        new: OTHER_PASSWORD.into(),
    };
    accounts.change_password(&owner, change).await.unwrap();
    let new = NewToken {
        name: SafeText::line("backup"),
        days: None,
    };
    let api = accounts.create_token(&owner, new).await.unwrap();
    let api = api.token.unwrap();
    let maria = accounts.register(register("maria"), None).await.unwrap();
    let customer = maria.user.id.next();
    let chat = accounts.chat_token(customer, &SafeText::line("Bo")).await;
    let chat = chat.unwrap();
    let ended = accounts
        .login(login("maria", PASSWORD), None)
        .await
        .unwrap();
    let session = accounts.authenticate(&ended.access_token).await.unwrap();
    accounts.logout(&session).await.unwrap();

    let mut kept = rows_of::<TokenRow>(&hub).await;
    kept.extend(rows_of::<SessionRow>(&hub).await);
    kept.extend(rows_of::<PasswordRow>(&hub).await);
    kept.extend(rows_of::<CustomerRow>(&hub).await);
    kept.extend(rows_of::<LoginRow>(&hub).await);
    kept.extend(rows_of::<CodeRow>(&hub).await);
    let log = hub.store().read(PART, Pos(0), 1_000).await.unwrap();
    // S10: what is stored opens nothing, whatever it is presented as.
    for row in &kept {
        for prefix in ["fda_", "fdp_", "fdc_"] {
            let replayed = format!("{prefix}{}", hex(row));
            let opened = accounts.authenticate(&replayed).await;
            assert!(matches!(opened, Err(AccountError::Token)));
        }
    }
    hub.stop().await;
    drop((hub, accounts));

    let secrets = [
        PASSWORD,
        OTHER_PASSWORD,
        &code,
        &first.access_token,
        &first.refresh_token,
        &owned.access_token,
        &owned.refresh_token,
        &invited.code,
        &api,
        &maria.access_token,
        &chat,
    ];
    let file = fs::read(dir.path().join(FILE_NAME)).unwrap();
    assert!(holds(&file, b"$argon2id$"), "the scan sees what is there");
    for other in [
        &b"$2a$"[..],
        b"$2b$",
        b"$2y$",
        b"$argon2i$",
        b"$argon2d$",
        b"$pbkdf2",
    ] {
        assert!(!holds(&file, other), "S4: one algorithm only");
    }
    assert!(holds(
        &file,
        &digest_key(Token::parse(&api).unwrap().digest())
    ));
    for secret in secrets {
        // The digits alone too, without the prefix.
        let digits = secret.split_once('_').map_or(secret, |(_, digits)| digits);
        assert!(!holds(&file, digits.as_bytes()), "{secret} is in the file");
        assert!(!kept.iter().any(|row| holds(row, digits.as_bytes())));
        assert!(!log.iter().any(|one| holds(&one.body, digits.as_bytes())));
    }
    for personal in ["Maria", "maria", "example.com", "1234"] {
        let said = log.iter().any(|one| holds(&one.body, personal.as_bytes()));
        assert!(!said, "{personal} is in the log");
    }

    let (hub, accounts) = start(dir.path()).await;
    assert_eq!(accounts.setup_code_file(), None);
    for token in [&*owned.access_token, &*api, &*maria.access_token, &*chat] {
        assert!(accounts.authenticate(token).await.is_ok(), "{token}");
    }
    let dead = accounts.authenticate(&ended.access_token).await;
    assert!(matches!(dead, Err(AccountError::Token)));
    let owner = login("olga", OTHER_PASSWORD);
    assert!(accounts.login(owner, None).await.is_ok());
    let stale = login("olga", PASSWORD);
    assert!(accounts.login(stale, None).await.is_err());
    let accept = shared::api::AcceptInvitation {
        code: invited.code,
        username: Some(SafeText::line("ana")),
        name: None,
        password: PASSWORD.into(),
        totp: None,
    };
    assert!(accounts.accept(accept, None).await.is_ok());
    let refresh_token = first.refresh_token;
    assert!(accounts.refresh(Refresh { refresh_token }).await.is_err());
    let killed = accounts.authenticate(&owned.access_token).await;
    assert!(killed.is_err(), "reuse is known over a restart");

    accounts.forget(maria.user.id).await.unwrap();
    let forgotten = accounts.login(login("maria", PASSWORD), None).await;
    assert!(matches!(forgotten, Err(AccountError::Credentials)));
    assert!(accounts.authenticate(&maria.access_token).await.is_err());
    assert!(accounts.register(register("maria"), None).await.is_ok());
    hub.stop().await;
}

#[tokio::test]
async fn debug_shows_no_secret() {
    let dir = tempfile::tempdir().unwrap();
    let (hub, accounts) = start(dir.path()).await;
    let code = fs::read_to_string(dir.path().join("setup-code")).unwrap();
    let tokens = accounts.setup(setup(code.trim()), true).await.unwrap();
    let session = accounts.authenticate(&tokens.access_token).await.unwrap();
    let asked = login("olga", PASSWORD);
    let shown = format!("{accounts:?} {session:?} {tokens:?} {asked:?}");
    for secret in [
        code.trim(),
        PASSWORD,
        &tokens.access_token[4..],
        &tokens.refresh_token[4..],
    ] {
        assert!(!shown.contains(secret));
    }
    hub.stop().await;
}
