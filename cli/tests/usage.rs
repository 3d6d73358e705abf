//! Exit codes and advice of what goes wrong before any network is touched.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::{
    io::{Read, Write},
    net::TcpListener,
    path::Path,
    process::{Command, Output},
    thread,
};

const BOB: &str = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";

/// Runs the tool in an empty home.
fn matrixai(home: &Path, line: &str) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_matrixai"));
    program.env_clear().env("HOME", home).current_dir(home);
    program.args(line.split_whitespace()).output().unwrap()
}

fn told(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8(output.stderr.clone()).unwrap())
}

#[test]
fn wrong_usage_exits_with_2_and_says_what_is_wanted() {
    let home = tempfile::tempdir().unwrap();
    for (line, wanted) in [
        ("--config nope.toml balance".into(), "does not exist"),
        ("--chain c.json balance".into(), "--key FILE"),
        ("--dev-account Alice balance".into(), "no chain"),
        ("--chain c.json --dev-account Alice balance".into(), "c.json"),
        ("--chain c.json balance 5Fnonsense".into(), "SS58"),
        ("--chain c.json --dev-account Alice token revoke zz".into(), "64 hex digits"),
        ("--chain c.json machines show zz".into(), "64 hex digits"),
        (
            "--chain c.json --dev-account Alice authority join --stake 1000".into(),
            "--keys HEX and --proof HEX",
        ),
        (format!("--chain c.json --dev-account Alice transfer {BOB} 0"), "above zero"),
        ("chain spec --node http://127.0.0.1:9 --bootnode node.example --out c.json".into(), "boot node"),
    ] {
        let (code, said) = told(&matrixai(home.path(), &line));
        assert!(code == Some(2) && said.contains(wanted), "{line}: {code:?} {said}");
    }
}

#[test]
fn every_group_of_commands_has_examples() {
    let home = tempfile::tempdir().unwrap();
    for group in
        ["key", "chain", "token", "machines", "stake", "authority", "rewards", "ecp", "tasks", "deposits"]
    {
        let output = matrixai(home.path(), &format!("{group} --help"));
        assert!(String::from_utf8_lossy(&output.stdout).contains("Examples:\n  matrixai"), "{group}");
    }
}

/// Answers so many requests, each by the method that it names, then is gone.
fn node(answers: usize, checkpoint: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for _ in 0..answers {
            let (mut stream, _) = listener.accept().unwrap();
            let (mut request, mut piece) = (Vec::new(), [0; 1024]);
            while !request.ends_with(b"}") {
                let read = stream.read(&mut piece).unwrap();
                request.extend_from_slice(&piece[..read]);
            }
            let asked = String::from_utf8(request).unwrap();
            let result = if asked.contains(r#""sync_state_genSyncSpec","params":[true]"#) {
                let state = if checkpoint { r#"{"finalizedBlockHeader":"0x00"}"# } else { "null" };
                format!(
                    r#"{{"id":"local","genesis":{{"raw":{{}}}},"bootNodes":[],"lightSyncState":{state}}}"#
                )
            } else {
                assert!(asked.contains("system_localListenAddresses"), "{asked}");
                r#"["/ip4/127.0.0.1/tcp/1/p2p/12D3", "/ip4/192.0.2.7/tcp/1/p2p/12D3"]"#.into()
            };
            let answer = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{result}}}"#);
            let head =
                format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", answer.len());
            stream.write_all(format!("{head}{answer}").as_bytes()).unwrap();
        }
    });
    url
}

#[test]
fn a_specification_is_written_once_and_whole() {
    let home = tempfile::tempdir().unwrap();
    let spec = |url: &str, more: &str| {
        matrixai(home.path(), &format!("chain spec --node {url} --out chain.json {more}"))
    };
    assert!(spec(&node(2, true), "").status.success());
    let written = || -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(home.path().join("chain.json")).unwrap()).unwrap()
    };
    assert_eq!(written()["bootNodes"], serde_json::json!(["/ip4/192.0.2.7/tcp/1/p2p/12D3"]));
    let (code, said) = told(&spec("http://127.0.0.1:9", ""));
    assert!(code == Some(1) && said.contains("not overwritten"), "{said}");
    assert!(spec(&node(1, true), "--force --bootnode /dns/n/tcp/1/p2p/12D3").status.success());
    assert_eq!(written()["bootNodes"], serde_json::json!(["/dns/n/tcp/1/p2p/12D3"]));
    let (code, said) = told(&spec(&node(2, false), "--force"));
    assert!(code == Some(1) && said.contains("checkpoint"), "{said}");
    assert!(written()["lightSyncState"].is_object(), "a bad answer took a good file's place");
}
