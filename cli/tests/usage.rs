//! Exit codes and advice of what goes wrong before any network is touched, files that are none, and streams that nobody reads.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::{
    io::{Read, Write},
    net::TcpListener,
    path::Path,
    process::{Command, Output, Stdio},
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

/// The commands that a page of help names.
fn commands(help: &str) -> Vec<String> {
    let listed = help.split("Commands:\n").nth(1).unwrap_or_default().lines();
    let named = listed.take_while(|line| !line.is_empty()).filter_map(|line| line.split_whitespace().next());
    named.filter(|name| *name != "help").map(str::to_owned).collect()
}

#[test]
fn every_command_has_examples() {
    let home = tempfile::tempdir().unwrap();
    let help = |line: &str| -> String {
        let output = matrixai(home.path(), &format!("{line} --help"));
        String::from_utf8(output.stdout).unwrap()
    };
    let (mut lines, mut seen) = (commands(&help("")), 0);
    while let Some(line) = lines.pop() {
        let help = help(&line);
        assert!(help.contains("Examples:\n  matrixai"), "{line}");
        lines.extend(commands(&help).iter().map(|command| format!("{line} {command}")));
        seen += 1;
    }
    assert!(seen > 30, "{seen}");
}

/// Every command that reads a file, with FILE where its name stands.
const READERS: [&str; 8] = [
    "--key FILE key show",
    "--key FILE key export --out seed",
    "--config FILE balance",
    "--chain FILE --dev-account Alice balance",
    "--chain c.json --dev-account Alice token revoke FILE",
    "key import --out new.json --phrase-file FILE",
    "tasks check FILE",
    "tasks data FILE",
];

#[test]
fn what_is_no_file_is_named_at_once() {
    let home = tempfile::tempdir().unwrap();
    assert!(Command::new("mkfifo").arg(home.path().join("pipe")).status().unwrap().success());
    std::fs::create_dir(home.path().join("folder")).unwrap();
    for file in ["pipe", "folder", "/dev/zero"] {
        for reader in READERS {
            let (code, said) = told(&matrixai(home.path(), &reader.replace("FILE", file)));
            assert!(matches!(code, Some(1 | 2)), "{reader}: {code:?}");
            assert!(said.contains(&format!("{file}: it is not a regular file")), "{reader}: {said}");
        }
    }
}

#[test]
fn a_file_without_an_end_costs_no_memory() {
    let home = tempfile::tempdir().unwrap();
    let sparse = home.path().join("sparse");
    let file = std::fs::File::create(&sparse).unwrap();
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    file.set_len(1 << 42).unwrap();
    for reader in READERS {
        let (code, said) = told(&matrixai(home.path(), &reader.replace("FILE", "sparse")));
        assert!(matches!(code, Some(1 | 2)), "{reader}: {code:?}");
        assert!(said.contains("sparse: it is larger than") || said.contains("neither a network"), "{said}");
    }
    let endless = std::fs::File::open("/dev/zero").unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_matrixai"));
    program.env_clear().env("HOME", home.path()).current_dir(home.path()).stdin(endless);
    let (code, said) = told(&program.args(["key", "import", "--out", "k.json"]).output().unwrap());
    assert!(code == Some(1) && said.contains("standard input: it is larger than"), "{said}");
}

#[test]
fn streams_that_nobody_reads_change_no_exit_code() {
    let home = tempfile::tempdir().unwrap();
    // What the light client cannot read, it says in its log.
    std::fs::create_dir_all(home.path().join("state/chain.db")).unwrap();
    std::fs::write(home.path().join("c.json"), "{}").unwrap();
    let full = || std::fs::File::options().write(true).open("/dev/full").unwrap().into();
    let gone = || std::io::pipe().unwrap().1.into();
    let streams: [&dyn Fn() -> Stdio; 2] = [&full, &gone];
    for (line, code) in [
        ("--key nope key show", 1),
        ("--config nope balance", 2),
        ("--state state --chain c.json --dev-account Alice balance", 1),
        ("balance --nope", 2),
        ("--help", 0),
    ] {
        for stream in streams {
            let mut program = Command::new(env!("CARGO_BIN_EXE_matrixai"));
            program.env_clear().env("HOME", home.path()).env("RUST_LOG", "trace").current_dir(home.path());
            program.args(line.split(' ')).stderr(stream()).stdout(Stdio::null());
            assert_eq!(program.status().unwrap().code(), Some(code), "{line}");
        }
    }
    for (stream, code) in [(full(), 1), (gone(), 0)] {
        let mut program = Command::new(env!("CARGO_BIN_EXE_matrixai"));
        program.env_clear().env("HOME", home.path()).stdout(stream).stderr(Stdio::null());
        program.args(["--dev-account", "Alice", "key", "show"]);
        assert_eq!(program.status().unwrap().code(), Some(code));
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
