//! Tokens come, hold, expire and go, by the file that the command changes.

use clap::Parser;

use super::{Denied, Scope, TokenCommand, Tokens, run_command};

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    command: TokenCommand,
}

const NOW_MS: i64 = 1_790_000_000_000;

fn token(file: &std::path::Path, words: &[&str]) -> anyhow::Result<String> {
    let line = Line::try_parse_from([&["token"], words].concat())?;
    run_command(&line.command, file, NOW_MS)
}

#[test]
fn a_token_is_good_for_its_scopes_until_it_is_revoked() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("tokens.toml");
    let tokens = Tokens::open(file.clone()).unwrap();
    let web = token(&file, &["create", "web", "--scope", "write"]).unwrap();
    let web = web.trim();
    assert_eq!(
        tokens.check(web, Scope::Write, NOW_MS).unwrap_err(),
        Denied::Unknown
    );
    tokens.look();
    let pass = tokens.check(web, Scope::Write, NOW_MS).unwrap();
    assert_eq!(pass.name().as_ref(), "web");
    assert_eq!(
        tokens.check(web, Scope::Read, NOW_MS).unwrap_err(),
        Denied::Scope(Scope::Read)
    );
    assert!(tokens.signing_key("web", NOW_MS).is_err());
    let admin = token(
        &file,
        &["create", "ops", "--scope", "admin", "--expires", "1h"],
    )
    .unwrap();
    tokens.look();
    assert!(tokens.is_good(&pass, NOW_MS), "another token came");
    let ops = tokens.check(admin.trim(), Scope::Read, NOW_MS).unwrap();
    assert!(tokens.is_good(&ops, NOW_MS + 3_599_999));
    assert!(!tokens.is_good(&ops, NOW_MS + 3_600_000));
    assert_eq!(
        tokens
            .check(admin.trim(), Scope::Read, NOW_MS + 3_600_000)
            .unwrap_err(),
        Denied::Expired
    );
    token(&file, &["revoke", "web"]).unwrap();
    tokens.look();
    assert!(!tokens.is_good(&pass, NOW_MS));
}

#[test]
fn neither_the_file_nor_an_error_holds_a_token() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("tokens.toml");
    let web = token(
        &file,
        &["create", "web", "--scope", "write,read", "--signing"],
    )
    .unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(!text.contains(web.trim().split_once('_').unwrap().1));
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let tokens = Tokens::open(file.clone()).unwrap();
    let (_, key) = tokens.signing_key("web", NOW_MS).unwrap();
    assert_eq!(format!("{key:?}"), "SigningKey(hidden)");
    let listed = token(&file, &["list"]).unwrap();
    assert!(
        listed.contains("write,read") && listed.contains("yes"),
        "{listed}"
    );
    let own = super::super::hex::encode(&super::signing_key(web.trim()));
    assert!(text.contains(&own) && !listed.contains(&own));
    for (words, why) in [
        (["create", "web", "--scope", "read"], "revoke it first"),
        (["create", "other", "--scope", "read"], "ledger"),
        (
            ["create", "10.0.0.1", "--scope", "read"],
            "begins with a letter",
        ),
    ] {
        let said = token(&file, &words).unwrap_err().to_string();
        assert!(said.contains(why), "{said}");
    }
    assert!(token(&file, &["revoke", "nobody"]).is_err());
}

#[test]
fn a_broken_file_leaves_the_tokens_and_does_not_show_what_it_holds() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("tokens.toml");
    let web = token(&file, &["create", "web", "--scope", "write"]).unwrap();
    let tokens = Tokens::open(file.clone()).unwrap();
    std::fs::write(&file, "version = 1\nsigning_key = \"deadbeef").unwrap();
    tokens.look();
    assert!(tokens.check(web.trim(), Scope::Write, NOW_MS).is_ok());
    let said = format!("{:#}", tokens.reload().unwrap_err());
    assert!(!said.contains("deadbeef"), "{said}");
    std::fs::write(&file, "version = 2\n").unwrap();
    let said = format!("{:#}", tokens.reload().unwrap_err());
    assert!(said.contains("version 2"), "{said}");
    std::fs::remove_file(&file).unwrap();
    tokens.look();
    assert!(tokens.check(web.trim(), Scope::Write, NOW_MS).is_err());
}
